import { expect, it } from "vitest";
import { allThere, fitted, idsOf, prepared, type Picture } from "../src/logic/pictures";

it("fits a picture in its own proportion, and leaves a small one as it is", () => {
  expect(fitted(4000, 3000)).toEqual([1600, 1200]);
  expect(fitted(300, 9000)).toEqual([53, 1600]);
  expect(fitted(5, 100_000)).toEqual([1, 1600]);
  expect(fitted(800, 600)).toEqual([800, 600]);
});

it("waits for what is on its way, and sends what was taken alone", () => {
  const [taken, going, refused]: [Picture, Picture, Picture] = [
    { key: "a", name: "a", id: "file_1" },
    { key: "b", name: "b" },
    { key: "c", name: "c", trouble: "no image" },
  ];
  expect(allThere([taken, refused])).toBe(true);
  expect(allThere([taken, going])).toBe(false);
  expect(idsOf([taken, going, refused])).toEqual(["file_1"]);
});

it("sends what this browser cannot draw as it is: the server says why not", async () => {
  const file = new File(["%PDF-1.7"], "a.png", { type: "image/png" });
  expect(await prepared(file)).toBe(file);
});
