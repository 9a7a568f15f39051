import { Component, createRef } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CopyButton } from "../copy";
import { format, number, size } from "../words";
import { address, pictureTag } from "./code";
import type { Item } from "./item";
import type { Queue } from "./queue";
import type { Image } from "./records";

/** What can be pressed in a row. */
const pressable = ".buttons > *, .copies button";

/** An upload in the list. It is drawn anew when its item says that it has changed, and not because others have. */
export class Row extends Component<{ item: Item; queue: Queue }> {
  private release = () => {};
  private readonly element = createRef<HTMLLIElement>();

  override componentDidMount(): void {
    this.release = this.props.item.listen(() => this.forceUpdate());
  }

  override componentWillUnmount(): void {
    this.release();
  }

  override shouldComponentUpdate(): boolean {
    return false;
  }

  /** Tells whether the focus was in the row, so that it is still there when another button has come in place of the one that had it. */
  override getSnapshotBeforeUpdate(): boolean {
    return this.element.current?.contains(document.activeElement) ?? false;
  }

  override componentDidUpdate(_before: unknown, _state: unknown, hadFocus: boolean): void {
    if (hadFocus && !this.element.current?.contains(document.activeElement))
      this.element.current?.querySelector<HTMLElement>(pressable)?.focus();
  }

  private readonly remove = (): void => {
    const row = this.element.current;
    const next = (row?.nextElementSibling ?? row?.previousElementSibling)?.querySelector<HTMLElement>(pressable);
    this.props.queue.remove([this.props.item]);
    (next ?? document.querySelector<HTMLElement>("#upload-form button"))?.focus();
  };

  override render() {
    const { item } = this.props;
    return (
      <li ref={this.element} class={`upload ${item.state}`} data-name={item.name}>
        <div class="mat">{item.image && <Thumbnail image={item.image} />}</div>
        <div class="text">
          <h3>
            <bdi>{item.name}</bdi>
          </h3>
          <p class="quiet">
            {item.state === "refused" && <strong>Not kept. </strong>}
            {line(item)}
          </p>
        </div>
        <div class="work">{item.image ? <Done image={item.image} name={item.name} /> : <OnItsWay item={item} />}</div>
        <div class="buttons">
          <Buttons item={item} remove={this.remove} />
        </div>
      </li>
    );
  }
}

/** What there is to say of an upload, in a line or two. */
function line(item: Item): string {
  const whole = size(item.size);
  switch (item.state) {
    case "waiting":
      return `${whole} · waits for its turn`;
    case "sending":
      return `${size(item.sent)} of ${whole}`;
    case "checking":
      return `${whole} · the server looks at it`;
    case "held":
      return item.reason
        ? `${item.reason} It is tried again by itself.`
        : "The server cannot be reached. It goes on by itself when it can.";
    case "paused":
      return `${size(item.sent)} of ${whole} · paused`;
    case "missing":
      return `${whole} · not complete`;
    case "refused":
      return item.reason;
    case "done": {
      const image = item.image as Image;
      return `${format(image.format)} · ${number(image.width)} × ${number(image.height)} · ${size(image.bytes)}`;
    }
  }
}

/** How often a thumbnail is asked for again that does not come: the server may have too much to do while uploads go on. */
const tries = 4;

function Thumbnail({ image }: { image: Image }) {
  const [failed, fail] = useState(0);
  const [waits, wait] = useState(false);
  useEffect(() => {
    if (!waits || failed > tries) return;
    const timer = setTimeout(() => wait(false), 1500 * 2 ** failed);
    return () => clearTimeout(timer);
  }, [waits, failed]);
  if (waits) return null;
  const small = image.thumbnail;
  const onError = () => {
    fail(failed + 1);
    wait(true);
  };
  return (
    <img
      src={small}
      srcset={`${small} 1x, ${image.thumbnail2x} 2x`}
      width={image.width}
      height={image.height}
      alt=""
      decoding="async"
      onError={onError}
    />
  );
}

function OnItsWay({ item }: { item: Item }) {
  if (item.state === "refused" || item.state === "missing") return null;
  const percent = item.size ? Math.floor((100 * item.sent) / item.size) : 0;
  return (
    <div class="progress">
      <progress max={item.size} value={item.sent} aria-label={`Progress of ${item.name}`} />
      <span class="quiet">{percent} %</span>
    </div>
  );
}

function Done({ image, name }: { image: Image; name: string }) {
  return (
    <fieldset class="copies">
      <legend class="hidden">Copy, of {name}</legend>
      <span class="quiet" aria-hidden="true">
        Copy
      </span>
      <CopyButton label="id" name={name} text={image.id} />
      <CopyButton label="URL" name={name} text={() => address(image)} />
      <CopyButton label="<img>" name={name} text={() => pictureTag(image, "webp")} />
      <CopyButton label="<picture>" name={name} text={() => pictureTag(image, "auto")} />
    </fieldset>
  );
}

function Buttons({ item, remove }: { item: Item; remove: () => void }) {
  const name = <span class="hidden"> {item.name}</span>;
  const removal = (label: string) => (
    <button type="button" class="plain small" onClick={remove}>
      {label}
      {name}
    </button>
  );
  switch (item.state) {
    case "done":
      return (
        <a class="button plain small" href={`/playground/${(item.image as Image).id}`}>
          Crop and adjust{name}
        </a>
      );
    case "refused":
      return (
        <>
          {item.again && (
            <button type="button" class="plain small" onClick={() => item.wait()}>
              Try again{name}
            </button>
          )}
          {removal("Remove")}
        </>
      );
    case "missing":
      return removal("Give up");
    default:
      return (
        <>
          <button type="button" class="plain small" onClick={() => (item.state === "paused" ? item.wait() : item.pause())}>
            {item.state === "paused" ? "Resume" : "Pause"}
            {name}
          </button>
          {removal("Cancel")}
        </>
      );
  }
}
