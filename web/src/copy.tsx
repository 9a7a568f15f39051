import { useEffect, useState } from "preact/hooks";

/** Copies a text, and tells whether that was allowed. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyFromPage(text); // there is no clipboard for pages of http:// other than of this machine
  }
}

function copyFromPage(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

/** A button that copies a text, which may be known only when it is pressed, and says that it has. */
export function CopyButton({ text, label, name }: { text: string | (() => string | Promise<string>); label: string; name?: string }) {
  const [said, say] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => say(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const press = async () => {
    try {
      say((await copy(typeof text === "string" ? text : await text())) ? "Copied" : "Not allowed to copy");
    } catch {
      say("Could not be copied");
    }
  };
  return (
    <>
      <button type="button" class="plain small" onClick={press} aria-label={name ? `${label} of ${name}` : undefined}>
        {said || label}
      </button>
      <span class="hidden" role="status">
        {said}
      </span>
    </>
  );
}
