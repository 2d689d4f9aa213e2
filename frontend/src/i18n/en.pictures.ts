import type { ptPictures } from "./pt.pictures";

export const enPictures: Record<keyof typeof ptPictures, string> = {
  "pictures.add": "Add an image",
  "pictures.camera": "Take a photo",
  "pictures.drop": "Drop the image here",
  "pictures.list": "Images of this message",
  "pictures.unnamed": "image",
  "pictures.sending": "Sending {name}",
  "pictures.refused": "{name} was not taken: {reason}",
  "pictures.none": "Only images can be added: PNG, JPEG, WebP or GIF.",
  "pictures.most": "A message has at most {n} images.",
  "pictures.remove": "Remove image {n}",
  "pictures.shown": "Images of the message: {n}",
  "pictures.one": "Image {n} of {of}",
  "pictures.open": "Open image {n} of {of}",
  "pictures.close": "Close",
  "pictures.gone": "This image is no longer here.",
};
