import type { ptMyData } from "./pt.mydata";

export const enMyData: Record<keyof typeof ptMyData, string> = {
  "mydata.title": "My data",
  "mydata.export.what": "Your conversations, files and batches, the names of your keys and your usage, in one zip file.",
  "mydata.export": "Export everything",
  "mydata.running": "The export is being made. You can leave this page and come back later.",
  "mydata.ready": "The export of {day} is ready ({size}).",
  "mydata.download": "Download",
  "mydata.anew": "Make another one",
  "mydata.failed": "The export failed.",
  "mydata.delete": "Delete everything…",
  "mydata.delete.what":
    "Your conversations, files, batches, keys and your sign-in are deleted everywhere, for good. What is running ends.",
  "mydata.delete.backups": "Backups of the database keep what there was for up to 35 days; then they go by themselves.",
  "mydata.delete.words": "delete everything",
  "mydata.delete.type": "To go on, type: {words}",
  "mydata.delete.sure": "Delete everything, for good",
  "mydata.delete.keep": "Do not delete",
  "mydata.gone": "Everything is being deleted, and you cannot sign in any more. The receipt's number is {id}. What is still there, and goes by itself:",
  "mydata.kept": "{where}: up to {n} days",
  "kept.Step Functions histories": "Step Functions histories",
  "kept.DynamoDB point-in-time recovery": "DynamoDB point-in-time recovery",
  "kept.logs": "logs",
  "kept.queues": "queues",
  "kept.idempotency keys and unfinished uploads": "idempotency keys and unfinished uploads",
  "kept.programs' requests to a GPU": "programs' requests to a GPU",
  "kept.Aurora backups": "Aurora backups",
};
