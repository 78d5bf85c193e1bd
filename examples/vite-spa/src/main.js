import "./style.css";

/** Every path is a page of this one file. */
const pages = { "/": "All loaves", "/loaf": "One loaf" };
const place = import.meta.env.VITE_PLACE ?? "the bakery";
document.querySelector("#page").textContent =
  `${pages[location.pathname] ?? "No such page"} of ${place}`;
