/** That no artifact goes between a deploy that finds it and the version that names it. */
import { expect, test } from "bun:test";
import { ArtifactUse } from "./artifact-use.ts";

function setup() {
  const removed: string[] = [];
  const gate = Promise.withResolvers<void>();
  const use = new ArtifactUse({
    list: async () => ["a", "b"],
    async remove(digest) {
      await gate.promise;
      removed.push(digest);
    },
  });
  return { use, removed, gate };
}

test("a deploy that comes while artifacts are removed waits until they are gone", async () => {
  const { use, removed, gate } = setup();
  const removal = use.removeUnreferenced(async () => new Set(["b"]));
  let hasPlace = false;
  const taken = use.take().then((place) => {
    hasPlace = true;
    return place;
  });
  await Bun.sleep(0);
  expect(hasPlace).toBe(false);

  gate.resolve();
  using _place = await taken;

  expect(removed).toEqual(["a"]);
  expect(await removal).toEqual(["a"]);
});

test("nothing is removed while a deploy is between its artifact and its version", async () => {
  const { use, removed, gate } = setup();
  gate.resolve();
  {
    using _place = await use.take();
    await use.remove(["a"]);
    expect(await use.removeUnreferenced(async () => new Set())).toEqual([]);
  }
  expect(removed).toEqual([]);

  expect(await use.removeUnreferenced(async () => new Set())).toEqual(["a", "b"]);
});
