// What all pages have: whoever gave a token in this tab can have it forgotten.

import { token } from "../request";

const button = document.createElement("button");
button.type = "button";
button.className = "plain small";
button.id = "forget";
button.textContent = "Forget the token";
button.addEventListener("click", () => {
  token.forget();
  location.reload();
});

const show = () => {
  if (token.get() === null) button.remove();
  else document.querySelector(".bar")?.append(button);
};
token.watch(show);
show();
