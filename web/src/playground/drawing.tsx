// A picture to draw on: a rectangle with handles, or a point. By pointer, by touch, and by keys.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Ground } from "./prints";
import { between, fitted, type Rectangle, shaped, stretched } from "./rectangle";

const edges = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const arrows: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const shapes = ["1:1", "4:3", "3:2", "16:9", "3:4", "9:16"];

const share = (n: number, side: number) => `${(n / side) * 100}%`;

/** How far a press of an arrow goes: a hundredth of the picture, or one pixel with Ctrl or Alt. */
const stride = (e: KeyboardEvent, side: number) => (e.ctrlKey || e.altKey ? 1 : Math.max(1, Math.round(side / 100)));

interface Drawn {
  ground: Ground;
  alt: string;
}

/** Where on the picture an event was, in its pixels. */
function placeOf(e: PointerEvent, board: HTMLElement, ground: Ground): { x: number; y: number } {
  const box = board.getBoundingClientRect();
  return {
    x: Math.min(Math.max(((e.clientX - box.left) / box.width) * ground.width, 0), ground.width),
    y: Math.min(Math.max(((e.clientY - box.top) / box.height) * ground.height, 0), ground.height),
  };
}

type Act = (to: { x: number; y: number }) => Rectangle;

export function RectangleBoard(props: Drawn & { rectangle?: Rectangle; set: (r: Rectangle) => void }) {
  const { ground, alt, rectangle, set } = props;
  const board = useRef<HTMLDivElement>(null);
  const act = useRef<Act | null>(null);
  const [draft, setDraft] = useState<Rectangle>();
  const [lock, setLock] = useState("");
  const [across = 0, down = 0] = lock === "same" ? [ground.width, ground.height] : lock.split(":").map(Number);
  const shape = across && down ? across / down : undefined;
  const shown = draft ?? rectangle;
  const drew = useRef(false);
  useEffect(() => {
    if (drew.current && rectangle) board.current?.querySelector<HTMLElement>(".rectangle")?.focus({ preventScroll: true });
    drew.current = false;
  }, [rectangle]);

  const begin = (e: PointerEvent) => {
    if (e.button !== 0 || !board.current) return;
    const from = placeOf(e, board.current, ground);
    const target = e.target as HTMLElement;
    const edge = target.dataset.edge;
    const held = rectangle;
    if (held && edge) act.current = (to) => stretched(held, edge, to.x - from.x, to.y - from.y, ground, shape);
    else if (held && target.closest(".rectangle")) {
      act.current = (to) => fitted({ ...held, left: held.left + to.x - from.x, top: held.top + to.y - from.y }, ground);
    } else act.current = (to) => between(from, to, ground, shape);
    board.current.setPointerCapture(e.pointerId);
    e.preventDefault();
    board.current.querySelector<HTMLElement>(".rectangle")?.focus({ preventScroll: true });
  };
  const move = (e: PointerEvent) => {
    if (!act.current || !board.current) return;
    const next = act.current(placeOf(e, board.current, ground));
    setDraft(next);
    if (rectangle) set(next);
  };
  const end = () => {
    act.current = null;
    // What was hardly a movement was a click, and draws nothing.
    if (draft && (rectangle || (draft.width > ground.width / 100 && draft.height > ground.height / 100))) {
      drew.current = true;
      set(draft);
    }
    setDraft(undefined);
  };
  const press = (e: KeyboardEvent) => {
    const [x, y] = arrows[e.key] ?? [];
    if (x === undefined || y === undefined || !rectangle) return;
    e.preventDefault();
    const dx = x * stride(e, ground.width);
    const dy = y * stride(e, ground.height);
    set(
      e.shiftKey
        ? stretched(rectangle, x ? "e" : "s", dx, dy, ground, shape)
        : fitted({ ...rectangle, left: rectangle.left + dx, top: rectangle.top + dy }, ground),
    );
  };

  return (
    <div class="drawing">
      <div
        class="board"
        ref={board}
        onPointerDown={begin}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
        style={{ aspectRatio: `${ground.width} / ${ground.height}`, "--shape": ground.width / ground.height }}
      >
        <img src={ground.address} alt={alt} draggable={false} />
        {shown && (
          <div
            class="rectangle"
            role="application"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys
            tabIndex={0}
            aria-label={`Rectangle: ${Math.round(shown.width)} × ${Math.round(shown.height)} pixels at ${Math.round(shown.left)}, ${Math.round(shown.top)}`}
            aria-describedby="drawing-help"
            onKeyDown={press}
            style={{
              left: share(shown.left, ground.width),
              top: share(shown.top, ground.height),
              width: share(shown.width, ground.width),
              height: share(shown.height, ground.height),
            }}
          >
            {edges.map((edge) => (
              <span key={edge} class={`handle ${edge}`} data-edge={edge} />
            ))}
          </div>
        )}
      </div>
      <div class="under">
        <label class="inline">
          Shape{" "}
          <select
            value={lock}
            onChange={(e) => {
              const next = e.currentTarget.value;
              setLock(next);
              const [w = 0, h = 0] = next === "same" ? [ground.width, ground.height] : next.split(":").map(Number);
              if (w && h && rectangle) set(shaped(rectangle, w / h, ground));
            }}
          >
            <option value="">free</option>
            <option value="same">as the picture</option>
            {shapes.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
        <p class="quiet" id="drawing-help">
          {rectangle
            ? `${Math.round(rectangle.width)} × ${Math.round(rectangle.height)} of ${ground.width} × ${ground.height}. Drag the rectangle or its edges; arrow keys move it, with Shift they change its size, with Ctrl by single pixels.`
            : "Drag over the picture to cut a part out of it."}
        </p>
      </div>
    </div>
  );
}

export function PointBoard(props: Drawn & { point: { x: number; y: number }; set: (p: { x: number; y: number }) => void }) {
  const { ground, alt, point, set } = props;
  const board = useRef<HTMLDivElement>(null);
  const [held, hold] = useState(false);
  const take = (e: PointerEvent) => {
    if (!board.current) return;
    const { x, y } = placeOf(e, board.current, ground);
    set({ x: x / ground.width, y: y / ground.height });
  };
  const press = (e: KeyboardEvent) => {
    const [x, y] = arrows[e.key] ?? [];
    if (x === undefined || y === undefined) return;
    e.preventDefault();
    const clamp = (n: number) => Math.min(Math.max(n, 0), 1);
    set({ x: clamp(point.x + x / 100), y: clamp(point.y + y / 100) });
  };
  return (
    <div class="drawing">
      <div
        class="board"
        ref={board}
        style={{ aspectRatio: `${ground.width} / ${ground.height}`, "--shape": ground.width / ground.height }}
        onPointerDown={(e) => {
          e.preventDefault();
          board.current?.setPointerCapture(e.pointerId);
          board.current?.querySelector<HTMLElement>(".point")?.focus({ preventScroll: true });
          hold(true);
          take(e);
        }}
        onPointerMove={(e) => held && take(e)}
        onPointerUp={() => hold(false)}
        onPointerCancel={() => hold(false)}
      >
        <img src={ground.address} alt={alt} draggable={false} />
        <div
          class="point"
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is moved by keys
          tabIndex={0}
          aria-label={`Point: ${Math.round(point.x * 100)} % from the left, ${Math.round(point.y * 100)} % from the top`}
          aria-describedby="drawing-help"
          onKeyDown={press}
          style={{ left: `${point.x * 100}%`, top: `${point.y * 100}%` }}
        />
      </div>
      <p class="quiet under" id="drawing-help">
        Click where it matters; arrow keys move the point.
      </p>
    </div>
  );
}
