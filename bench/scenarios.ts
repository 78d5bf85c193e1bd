/** What is asked of every peer. */

export interface Scenario {
  name: string;
  /** What it shows. */
  about: string;
  path: string;
  /** Header lines besides Host. */
  headers: readonly string[];
  connections: number;
}

export const scenarios: readonly Scenario[] = [
  {
    name: "hello",
    about: "`wrk -t1 -c50`, five bytes: the cost of a request",
    path: "/",
    headers: [],
    connections: 50,
  },
  {
    name: "browser",
    about: "the same with the headers of a browser",
    path: "/",
    headers: [
      "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "Accept-Language: en-GB,en;q=0.7,de;q=0.3",
      "Accept-Encoding: gzip, deflate, br, zstd",
      "Referer: http://shop.localhost:4000/products/sourdough?page=2",
      "Cookie: session=6f2c1a9be07d4f53b8a1c2d3e4f5a6b7; theme=dark; cart=3",
      "Upgrade-Insecure-Requests: 1",
      "Sec-Fetch-Dest: document",
      "Sec-Fetch-Mode: navigate",
      "Sec-Fetch-Site: same-origin",
      "Priority: u=0, i",
      "Cache-Control: no-cache",
    ],
    connections: 50,
  },
  {
    name: "64k",
    about: "answers of 64 KiB: the cost of a byte",
    path: "/64k",
    headers: [],
    connections: 50,
  },
];
