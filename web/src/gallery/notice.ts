// The line at the foot of the window that says what has just happened.

const line = document.createElement("div");
line.className = "notice sheet";
line.hidden = true;
const said = document.createElement("p");
said.setAttribute("role", "status");
const buttons = document.createElement("p");
buttons.className = "actions";
line.append(said, buttons);
document.body.append(line);

let end: (() => void) | undefined;

/** A notice that is shown. */
export interface Notice {
  /** Takes it away, if it is still shown. */
  close(): void;
}

/**
 * Says something for some milliseconds, with buttons. The time stands still while the pointer or the focus is on it. At its end, or when
 * another notice comes, after is called once, but not after close or a button.
 */
export function notify(text: string, actions: Record<string, () => void>, time: number, after: () => void = () => {}): Notice {
  end?.();
  let timer = 0;
  const hold = () => window.clearTimeout(timer);
  const run = () => {
    hold();
    timer = window.setTimeout(finish, time);
  };
  const close = () => {
    if (end !== finish) return;
    hold();
    end = undefined;
    line.hidden = true;
    said.textContent = "";
    line.onpointerenter = line.onpointerleave = line.onfocus = null;
    line.removeEventListener("focusin", hold);
    line.removeEventListener("focusout", run);
  };
  const finish = () => {
    if (end !== finish) return;
    close();
    after();
  };
  end = finish;
  said.textContent = text;
  buttons.replaceChildren(
    ...Object.entries({ ...actions, Close: finish }).map(([label, act]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain small";
      button.textContent = label;
      button.addEventListener("click", () => {
        if (act !== finish) close();
        act();
      });
      return button;
    }),
  );
  line.hidden = false;
  line.onpointerenter = hold;
  line.onpointerleave = run;
  line.addEventListener("focusin", hold);
  line.addEventListener("focusout", run);
  run();
  return { close };
}
