/** `routes` of a captured `Bun.serve` call: chosen and answered as Bun does it. */
import { type Case, same } from "../case.ts";
import { get, head, post } from "./request-text.ts";

const route = (claim: string, text: string, method = "GET"): Case => ({
  claim,
  steps: [text],
  asked: [{ method }],
  shapes: ["serve"],
  judge: same,
});

export const routes: readonly Case[] = [
  route("a static route is answered", get("/routes/static")),
  route("a static route answers HEAD without a body", head("HEAD /routes/static HTTP/1.1"), "HEAD"),
  route("a static route answers POST as Bun does", post("/routes/static", "body"), "POST"),
  route("a static route keeps its status", get("/routes/static-json")),
  route("a static redirect is answered", get("/routes/gone")),
  route("a file route is answered", get("/routes/file")),
  route("a file route answers a range", get("/routes/file", "Range: bytes=4-8")),
  route("a file route answers a range it cannot satisfy", get("/routes/file", "Range: bytes=900-")),
  route("a file route answers HEAD", head("HEAD /routes/file HTTP/1.1"), "HEAD"),
  route("a file in a Response is answered", get("/routes/file-response")),
  route("a parameter of a route is decoded", get("/routes/users/J%C3%BCrgen%2FM")),
  route("an exact route goes before a parameter", get("/routes/users/me")),
  route("two parameters of a route are given", get("/routes/users/7/posts/a%20b?x=1")),
  route("a wildcard route takes the rest of the path", get("/routes/tree/a/b/c")),
  route("a wildcard route takes an empty rest as Bun does", get("/routes/tree/")),
  route("a wildcard route without its slash is as under Bun", get("/routes/tree")),
  route("a route with a trailing slash is as under Bun", get("/routes/static/")),
  route("a route in another case is as under Bun", get("/routes/STATIC")),
  route("a route with an encoded letter is as under Bun", get("/routes/st%61tic")),
  route("a route with repeated slashes is as under Bun", get("//routes//static")),
  route("a route with dot segments is as under Bun", get("/routes/x/../static")),
  route("a route with a query is answered", get("/routes/static?x=1")),
  route("a method of a route is chosen: GET", get("/routes/methods")),
  route("a method of a route is chosen: POST", post("/routes/methods", "body"), "POST"),
  route(
    "a method of a route is chosen: static DELETE",
    head("DELETE /routes/methods HTTP/1.1"),
    "DELETE",
  ),
  route(
    "a method that a route lacks goes on as under Bun",
    head("PUT /routes/methods HTTP/1.1"),
    "PUT",
  ),
  route("HEAD of a route with GET is as under Bun", head("HEAD /routes/methods HTTP/1.1"), "HEAD"),
  route("cookies of a route are read and set", get("/routes/cookies", "Cookie: seen=yes; stale=1")),
  route("the server is given to a route", get("/routes/server")),
  route("a route that is false goes on to fetch", get("/routes/off")),
  route("a path outside of the routes goes on to fetch", get("/routes/none")),
];
