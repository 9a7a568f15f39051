// What the gallery does beyond the page that the server writes.

import { toggleCopies } from "../gallery/copies";
import { comeBack, showFoot } from "../gallery/scroll";
import "../gallery/search";
import { onChange } from "../gallery/select";
import { arrange, enhance, found, tiles } from "../gallery/tiles";

enhance(tiles());
arrange(tiles());
onChange(showFoot);
showFoot();
found.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLElement>(".copier");
  if (button) toggleCopies(button);
});
void comeBack();
