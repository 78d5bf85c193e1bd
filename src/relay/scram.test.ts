import { describe, expect, test } from "bun:test";
import {
  clientFinal,
  clientFirst,
  readClientFirst,
  readServerFirst,
  scramKeys,
  serverFinal,
  serverFirst,
  unbound,
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
    const first = readClientFirst(rfc.clientFirst, unbound)!;
    const sent = serverFirst(first, keys, rfc.serverNonce);

    expect(sent).toBe(rfc.serverFirst);
    expect(serverFinal(first, sent, rfc.clientFinal, keys)).toBe(rfc.serverFinal);
  });

  test("a proof that is wrong, or for another exchange, is refused", () => {
    const first = readClientFirst(rfc.clientFirst, unbound)!;
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
      "p=tls-server-end-point,,n=,r=abc",
      "n,,m=x,n=,r=abc",
      "n,,n=,r=",
      "n,,n=",
      "",
      "x",
    ]) {
      expect(readClientFirst(text, unbound), text).toBeNull();
    }
    expect(readClientFirst("y,,n=,r=abc", unbound)).toEqual({
      binding: Buffer.from("y,,"),
      bare: "n=,r=abc",
      nonce: "abc",
    });
  });

  test("a bound exchange holds for one certificate, and is not talked out of being bound", () => {
    const certificateHash = Buffer.from("the hash of a certificate");
    const text = "p=tls-server-end-point,,n=,r=abc";
    const first = readClientFirst(text, { certificateHash, isBound: true })!;
    const sent = serverFirst(first, keys, "def");
    const finalOf = (hash: Buffer) => {
      const bound = Buffer.concat([Buffer.from("p=tls-server-end-point,,"), hash]);
      const server = readServerFirst(sent, "abc")!;
      return clientFinal(text, sent, server, keys, bound).text;
    };

    expect(serverFinal(first, sent, finalOf(certificateHash), keys)).toStartWith("v=");
    expect(serverFinal(first, sent, finalOf(Buffer.from("another's")), keys)).toBeNull();
    for (const flag of ["n", "y"]) {
      expect(readClientFirst(`${flag},,n=,r=abc`, { certificateHash, isBound: true })).toBeNull();
    }
    expect(readClientFirst("y,,n=,r=abc", { certificateHash, isBound: false })).toBeNull();
    expect(readClientFirst("n,,n=,r=abc", { certificateHash, isBound: false })).not.toBeNull();
  });

  test("a server that does not go on with the client's nonce is refused", () => {
    expect(readServerFirst("r=other,s=QQ==,i=4096", "own")).toBeNull();
    expect(readServerFirst("r=own,s=QQ==,i=4096", "own")).toBeNull();
    expect(readServerFirst("r=ownmore,s=QQ==,i=0", "own")).toBeNull();
    expect(readServerFirst("r=ownmore,s=QQ==,i=1", "own")?.rounds).toBe(1);
  });
});
