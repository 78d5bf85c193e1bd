import { expect, test } from "bun:test";
import { closeSync, readdirSync, readSync, writeSync } from "node:fs";
import { receiveDescriptor, sendDescriptor, socketPair } from "./descriptors.ts";

const openFiles = () => readdirSync("/proc/self/fd").length;

test("a descriptor that was sent is another number for the same socket", () => {
  const before = openFiles();
  const [sender, receiver] = socketPair();
  const [mine, theirs] = socketPair();
  sendDescriptor(sender, theirs);
  closeSync(theirs);

  const received = receiveDescriptor(receiver);
  writeSync(received, "hello");
  const read = Buffer.alloc(5);
  readSync(mine, read);

  expect(read.toString()).toBe("hello");
  for (const descriptor of [sender, receiver, mine, received]) closeSync(descriptor);
  expect(openFiles()).toBeLessThanOrEqual(before);
});

test("descriptors arrive in the order they were sent", () => {
  const [sender, receiver] = socketPair();
  const pairs = [socketPair(), socketPair(), socketPair()];
  for (const [, theirs] of pairs) sendDescriptor(sender, theirs);

  const received = pairs.map(() => receiveDescriptor(receiver));
  for (const [index, descriptor] of received.entries()) writeSync(descriptor, String(index));
  const read = pairs.map(([mine]) => {
    const byte = Buffer.alloc(1);
    readSync(mine, byte);
    return byte.toString();
  });

  expect(read).toEqual(["0", "1", "2"]);
  for (const descriptor of [sender, receiver, ...pairs.flat(), ...received]) closeSync(descriptor);
});

test("where none was sent, none is received, and one for nobody is an error", () => {
  const [sender, receiver] = socketPair();

  expect(() => receiveDescriptor(receiver)).toThrow("Cannot receive a descriptor");
  closeSync(receiver);
  expect(() => sendDescriptor(sender, 0)).toThrow("Cannot send a descriptor");

  closeSync(sender);
});
