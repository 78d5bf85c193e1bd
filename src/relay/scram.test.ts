import { describe, expect, test } from "bun:test";
import {
  clientFinal,
  clientFirst,
  readClientFirst,
  readServerFirst,
  scramKeys,
  serverFinal,
  serverFirst,
} from "./scram.ts";

/** The exchange of RFC 7677, section 3. */
const rfc = {
  password: "pencil",
  clientNonce: "rOprNGfwEbeRWgbNEkqO",
  serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  serverFirst:
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  clientFinal:
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};
const keys = scramKeys(rfc.password, Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096);

describe("SCRAM-SHA-256", () => {
  test("the client says what RFC 7677 says", () => {
    expect(clientFirst(rfc.clientNonce, "user")).toBe(rfc.clientFirst);
    const first = readServerFirst(rfc.serverFirst, rfc.clientNonce)!;
    const final = clientFinal(rfc.clientFirst, rfc.serverFirst, first, keys);

    expect(final).toEqual({ text: rfc.clientFinal, expected: rfc.serverFinal });
  });

  test("the server says what RFC 7677 says", () => {
    const first = readClientFirst(rfc.clientFirst)!;
    const sent = serverFirst(first, keys, rfc.serverNonce);

    expect(sent).toBe(rfc.serverFirst);
    expect(serverFinal(first, sent, rfc.clientFinal, keys)).toBe(rfc.serverFinal);
  });

  test("a proof that is wrong, or for another exchange, is refused", () => {
    const first = readClientFirst(rfc.clientFirst)!;
    const wrong = [
      rfc.clientFinal.replace("p=dHz", "p=dHy"),
      rfc.clientFinal.replace("r=rO", "r=rP"),
      rfc.clientFinal.replace("c=biws", "c=eSws"),
      rfc.clientFinal.replace(/p=.*/, "p="),
      rfc.clientFinal.replace(/,p=.*/, ""),
      "",
    ];

    for (const text of wrong) {
      expect(serverFinal(first, rfc.serverFirst, text, keys), text).toBeNull();
    }
    const other = scramKeys("pencils", keys.salt, 4096);
    expect(serverFinal(first, rfc.serverFirst, rfc.clientFinal, other)).toBeNull();
  });

  test("a first message that asks for what is not offered is refused", () => {
    for (const text of [
      "p=tls-unique,,n=,r=abc",
      "n,,m=x,n=,r=abc",
      "n,,n=,r=",
      "n,,n=",
      "",
      "x",
    ]) {
      expect(readClientFirst(text), text).toBeNull();
    }
    expect(readClientFirst("y,,n=,r=abc")).toEqual({
      header: "y,,",
      bare: "n=,r=abc",
      nonce: "abc",
    });
  });

  test("a server that does not go on with the client's nonce is refused", () => {
    expect(readServerFirst("r=other,s=QQ==,i=4096", "own")).toBeNull();
    expect(readServerFirst("r=own,s=QQ==,i=4096", "own")).toBeNull();
    expect(readServerFirst("r=ownmore,s=QQ==,i=0", "own")).toBeNull();
    expect(readServerFirst("r=ownmore,s=QQ==,i=1", "own")?.rounds).toBe(1);
  });
});
