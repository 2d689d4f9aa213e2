import { expect, it } from "vitest";
import { firstLoad } from "../budget";

const script = (fileName: string, code: string, imports: string[] = [], isEntry = false) => ({ fileName, code, imports, isEntry });

it("counts the entry, what it imports however deep, and one language", () => {
  const scripts = [
    script("assets/index-1.js", "a();", ["assets/shared-1.js"], true),
    script("assets/shared-1.js", "b();", ["assets/deep-1.js", "assets/index-1.js"]),
    script("assets/deep-1.js", "c();"),
    script("assets/en-1.js", "d();"),
    script("assets/pt-1.js", "everything that is said in a longer language"),
    script("assets/KeysView-1.js", "opened by few ".repeat(1000)),
  ];
  const { files, bytes } = firstLoad(scripts);
  expect(files.sort()).toEqual(["assets/deep-1.js", "assets/index-1.js", "assets/pt-1.js", "assets/shared-1.js"]);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(200);
});
