// The operations of a chain as cards: each with its parameters, in an order that can be changed.

import { useEffect, useId, useRef } from "preact/hooks";
import { type Problem, wordsOf } from "../request";
import { type Call, newCall, operationOf, writeCall } from "./chain";
import { type Description, type Operation, type Parameter, summary } from "./description";
import { ParameterField } from "./fields";
import type { Size } from "./rectangle";

interface Common {
  d: Description;
  picture: Size;
  selected?: number;
  select: (key: number | undefined) => void;
  /** Changes one call; what says what of it. */
  change: (call: Call, what?: string) => void;
  remove: (call: Call) => void;
  /** Has a point of the picture picked for a parameter. */
  pick: (call: Call, parameter: Parameter) => void;
  fault: (call: Call) => Problem | undefined;
}

const icons = {
  up: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  remove: "M4 4l8 8M12 4l-8 8",
  grip: "M5.5 3.5v.01M10.5 3.5v.01M5.5 8v.01M10.5 8v.01M5.5 12.5v.01M10.5 12.5v.01",
};

const Icon = ({ name }: { name: keyof typeof icons }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={icons[name]} />
  </svg>
);

/** The calls of a list. Those that can be moved have a handle to drag them by, and buttons. */
export function Cards(props: Common & { calls: Call[]; move?: (from: number, to: number, what?: string) => void; label: string }) {
  const { calls, move, label, ...common } = props;
  const list = useRef<HTMLOListElement>(null);
  const drag = (e: PointerEvent, key: number) => {
    const handle = e.currentTarget as HTMLElement;
    const target = latest.current.calls;
    const from = target.findIndex((call) => call.key === key);
    const to = [...(list.current?.children ?? [])].findIndex((item) => {
      const box = item.getBoundingClientRect();
      return e.clientY < box.bottom;
    });
    if (!handle.hasPointerCapture(e.pointerId) || from < 0) return;
    const place = to < 0 ? target.length - 1 : to;
    if (place !== from) latest.current.move?.(from, place, `move ${key}`);
  };
  // While a card is dragged the handlers are those of an earlier turn.
  const latest = useRef({ calls, move });
  latest.current = { calls, move };
  return (
    <ol class="cards" ref={list} aria-label={label}>
      {calls.map((call, i) => (
        <Card
          key={call.key}
          call={call}
          {...common}
          up={move && i > 0 ? () => move(i, i - 1) : undefined}
          down={move && i < calls.length - 1 ? () => move(i, i + 1) : undefined}
          drag={move && ((e) => drag(e, call.key))}
        />
      ))}
    </ol>
  );
}

function Card(props: Common & { call: Call; up?: () => void; down?: () => void; drag?: (e: PointerEvent) => void }) {
  const { d, call, selected, select, change, remove, fault, up, down, drag } = props;
  const id = useId();
  const head = useRef<HTMLButtonElement>(null);
  const o = operationOf(d, call);
  const open = selected === call.key;
  const problem = fault(call);
  const text = writeCall(d, call);
  const atField = open && o?.forms[call.form]?.parameters.some((p) => p.name === problem?.parameter);
  useEffect(() => {
    if (open && document.activeElement === document.body) head.current?.focus(); // after it was added
  }, [open]);
  return (
    <li class={`card${open ? " open" : ""}${call.off ? " off" : ""}${problem ? " faulty" : ""}`} data-name={call.name}>
      <div class="card-head">
        {drag && (
          <span
            class="grip"
            title="Drag to another place"
            onPointerDown={(e) => {
              e.preventDefault();
              e.currentTarget.setPointerCapture(e.pointerId);
            }}
            onPointerMove={drag}
          >
            <Icon name="grip" />
          </span>
        )}
        <button
          type="button"
          class="card-title"
          ref={head}
          aria-expanded={open}
          aria-controls={id}
          onClick={() => select(open ? undefined : call.key)}
        >
          <strong>{call.name}</strong>
          <code>{open ? "" : text.slice(call.name.length + 1)}</code>
        </button>
        <label class="switch" title={call.off ? "Switched off" : "Switched on"}>
          <input
            type="checkbox"
            checked={!call.off}
            aria-label={`${call.name} is on`}
            onChange={(e) => change({ ...call, off: !e.currentTarget.checked })}
          />
        </label>
        {drag && (
          <>
            <button type="button" class="tool" aria-label={`Move ${call.name} up`} disabled={!up} onClick={up}>
              <Icon name="up" />
            </button>
            <button type="button" class="tool" aria-label={`Move ${call.name} down`} disabled={!down} onClick={down}>
              <Icon name="down" />
            </button>
          </>
        )}
        <button type="button" class="tool" aria-label={`Remove ${call.name}`} onClick={() => remove(call)}>
          <Icon name="remove" />
        </button>
      </div>
      {problem && !atField && (
        <p class="fault" role="alert">
          {wordsOf({ ...problem, title: problem.detail ?? problem.title, detail: undefined })}
        </p>
      )}
      <div class="card-body" id={id} hidden={!open}>
        {open && (o ? <Parameters {...props} o={o} problem={problem} /> : <Unknown {...props} />)}
      </div>
    </li>
  );
}

/** A segment that is no call of an operation, to be mended by hand. */
function Unknown({ call, change }: Common & { call: Call }) {
  return (
    <label class="raw">
      As it stands in the address
      <input
        type="text"
        value={call.text ?? call.name}
        spellcheck={false}
        onInput={(e) => change({ ...call, text: e.currentTarget.value }, `text ${call.key}`)}
      />
    </label>
  );
}

function Parameters(props: Common & { call: Call; o: Operation; problem?: Problem }) {
  const { call, o, problem, change, picture, pick } = props;
  const id = useId();
  const form = o.forms[call.form];
  if (call.text !== undefined || !form) return <Unknown {...props} />;
  const field = (p: Parameter) => (
    <ParameterField
      key={p.name}
      parameter={p}
      value={call.values[p.name]}
      picture={picture}
      fault={problem?.parameter === p.name ? problem.expected : undefined}
      pick={() => pick(call, p)}
      set={(value) => {
        const values = { ...call.values };
        if (value === undefined) delete values[p.name];
        else values[p.name] = value;
        change({ ...call, values }, `${p.name} ${call.key}`);
      }}
    />
  );
  const needed = form.parameters.filter((p) => p.required);
  const others = form.parameters.filter((p) => !p.required);
  const set = others.filter((p) => call.values[p.name] !== undefined).length;
  return (
    <>
      <p class="card-doc">{o.doc}</p>
      {o.forms.length > 1 && (
        <div class="parameter">
          <label for={id}>How</label>
          <select
            id={id}
            value={call.form}
            onChange={(e) => {
              const next = Number(e.currentTarget.value);
              const names = o.forms[next]?.parameters.map((p) => p.name) ?? [];
              const kept = Object.entries(call.values).filter(([name]) => names.includes(name));
              change({ ...call, form: next, values: { ...newCall(o, next).values, ...Object.fromEntries(kept) } });
            }}
          >
            {o.forms.map((f, i) => (
              <option key={f.doc} value={i}>
                {summary(f.doc)}
              </option>
            ))}
          </select>
        </div>
      )}
      {needed.map(field)}
      {others.length > 0 &&
        (needed.length === 0 || others.length <= 2 ? (
          others.map(field)
        ) : (
          <details open={set > 0 || others.some((p) => p.name === problem?.parameter)}>
            <summary>
              More: {others.map((p) => p.name).join(", ")}
              {set > 0 && <span class="quiet"> ({set} set)</span>}
            </summary>
            {others.map(field)}
          </details>
        ))}
    </>
  );
}
