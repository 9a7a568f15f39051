// The playground: a print of an image, made by hand. Its operations are those of the API description.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Cards } from "../playground/cards";
import { before, type Call, type Chain, formOf, newCall, readChain, writeChain, written } from "../playground/chain";
import { Code } from "../playground/code";
import { type Description, type Operation, type Parameter, readDescription } from "../playground/description";
import { PointBoard, RectangleBoard } from "../playground/drawing";
import { Menu } from "../playground/menu";
import { type Subject, useGround, useOriginalTime, usePrint } from "../playground/prints";
import { type Rectangle, readRectangle, writeRectangle } from "../playground/rectangle";
import { Compare, Facts, PrintView } from "../playground/stage";
import { useEditor } from "../playground/state";
import { type Problem, request, wordsOf } from "../request";

type View = "draw" | "print" | "compare";

/** The call that a problem is of. */
function faultOf(chain: Chain, problem: Problem | undefined): Call | undefined {
  if (!problem) return undefined;
  const calls = written(chain);
  const there = problem.segment ? calls[problem.segment - 1] : undefined;
  if (there && (!problem.operation || problem.operation === there.name)) return there;
  return calls.find((call) => call.name === problem.operation);
}

function Playground({ d, subject }: { d: Description; subject: Subject }) {
  const { chain, change, undo, redo } = useEditor(d, subject);
  const path = writeChain(d, chain);
  const shown = usePrint(subject, path === "" ? undefined : subject.prints + path);
  const [selected, select] = useState<number>();
  const [view, setView] = useState<View>(path === "" ? "draw" : "print");
  const [menu, setMenu] = useState<"operations" | "settings">();
  const [whole, setWhole] = useState(true);
  const allowed = (o: Operation) => !subject.names || subject.names.includes(o.name);
  const offered = d.operations.filter(allowed);
  const drawn = offered.find((o) => o.forms.some((f) => f.rectangle));

  // What is drawn on the picture: the rectangle or the point of the call that is open, or a rectangle that is not there yet.
  const call = chain.calls.find((c) => c.key === selected && !c.off);
  const form = call && formOf(d, call);
  const pointed = form?.parameters.find((p) => p.kind === "point" && call?.values[p.name] !== undefined);
  const drawable = form?.rectangle || pointed;
  const groundOf = view === "draw" ? writeChain(d, before(d, chain, drawable && call ? call.key : 0)) : view === "compare" ? "" : undefined;
  const { ground, problem: groundProblem } = useGround(subject, groundOf);

  const loaded = useOriginalTime(subject, view === "compare");

  const name = subject.original.name || subject.original.id;
  const fault = faultOf(chain, shown.problem);
  const picture = ground && view === "draw" ? ground : subject.original;

  const put = (next: Call, what?: string) => {
    const replace = (calls: Call[]) => calls.map((c) => (c.key === next.key ? next : c));
    change({ ...chain, calls: replace(chain.calls), settings: replace(chain.settings) }, what);
  };
  const open = (key: number | undefined) => {
    select(key);
    const target = chain.calls.find((c) => c.key === key);
    const draws = target && formOf(d, target)?.rectangle;
    if (key !== undefined) setView(draws ? "draw" : path === "" ? "draw" : "print");
  };
  const add = (o: Operation, given?: Call) => {
    const next = given ?? newCall(o);
    // Of images only this one is known to be there.
    for (const p of o.forms[next.form]?.parameters ?? []) if (p.kind === "id") next.values[p.name] = subject.original.id;
    change(o.setting ? { ...chain, settings: [...chain.settings, next] } : { ...chain, calls: [...chain.calls, next] });
    select(next.key);
    setView(o.forms[next.form]?.rectangle ? "draw" : "print");
  };
  const remove = (gone: Call) => {
    const without = (calls: Call[]) => calls.filter((c) => c.key !== gone.key);
    change({ ...chain, calls: without(chain.calls), settings: without(chain.settings) });
  };
  const move = (from: number, to: number, what?: string) => {
    const calls = [...chain.calls];
    const [taken] = calls.splice(from, 1);
    if (taken) calls.splice(to, 0, taken);
    change({ ...chain, calls }, what);
  };
  const cook = (text: string) => {
    const recipe = readChain(d, `/${text}`);
    change({
      calls: [...chain.calls, ...recipe.calls],
      settings: [...chain.settings.filter((s) => !recipe.settings.some((r) => r.name === s.name)), ...recipe.settings],
      extension: recipe.extension || chain.extension,
    });
    setView("print");
  };
  const pick = (target: Call, p: Parameter) => {
    if (target.values[p.name] === undefined) put({ ...target, values: { ...target.values, [p.name]: "0.5x0.5" } });
    setView("draw");
  };
  const draw = (r: Rectangle) => {
    if (!ground) return;
    if (call && form?.rectangle)
      return put({ ...call, values: writeRectangle(form.rectangle, call.values, r, ground) }, `rectangle ${call.key}`);
    const i = drawn?.forms.findIndex((f) => f.rectangle) ?? -1;
    const names = drawn?.forms[i]?.rectangle;
    if (drawn && names) add(drawn, { ...newCall(drawn, i), values: writeRectangle(names, {}, r, ground) });
  };

  useEffect(() => {
    const press = (e: KeyboardEvent) => {
      const typing =
        e.target instanceof HTMLElement &&
        e.target.matches("textarea, input:not([type=range], [type=checkbox], [type=radio], [type=color])");
      if (!(e.ctrlKey || e.metaKey) || typing) return;
      const key = e.key.toLowerCase();
      const act = key === "y" || (key === "z" && e.shiftKey) ? redo : key === "z" ? undo : undefined;
      if (!act) return;
      e.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [undo, redo]);

  const common = {
    d,
    picture,
    selected,
    select: open,
    change: put,
    remove,
    pick,
    fault: (c: Call) => (fault === c ? shown.problem : undefined),
  };
  const extensions = ["", "auto", ...d.formats.map((f) => f.extension)];
  if (!extensions.includes(chain.extension)) extensions.push(chain.extension);
  const formatName = (e: string) => (e === "" ? "that of the original" : e === "auto" ? "the best for each browser (.auto)" : `.${e}`);
  const own = subject.prints + path;
  const print = shown.print?.address === own ? shown.print : undefined;
  const shot =
    path === ""
      ? { path: subject.prints, width: subject.original.width, height: subject.original.height }
      : { path: print?.canonical ?? own, width: shown.print?.width ?? 0, height: shown.print?.height ?? 0, problem: shown.problem };
  const point = pointed && call ? (call.values[pointed.name] as string).split("x").map(Number) : [];

  return (
    <>
      <div class="playground-head">
        <h1>Playground</h1>
        <p class="quiet">
          <bdi>{name}</bdi> · <a href="/playground">another image</a>
        </p>
      </div>
      <div class="bench">
        <section class="stage" aria-label="Picture">
          <div class="stage-bar">
            <fieldset class="tabs" aria-label="View">
              {drawn && (
                <button type="button" class="tab" aria-pressed={view === "draw"} onClick={() => setView("draw")}>
                  {pointed && !form?.rectangle ? "Point" : "Draw"}
                </button>
              )}
              <button type="button" class="tab" aria-pressed={view === "print"} disabled={path === ""} onClick={() => setView("print")}>
                Print
              </button>
              <button type="button" class="tab" aria-pressed={view === "compare"} disabled={path === ""} onClick={() => setView("compare")}>
                Compare
              </button>
            </fieldset>
            {view === "print" && (
              <label class="inline">
                <input type="checkbox" checked={!whole} onChange={(e) => setWhole(!e.currentTarget.checked)} /> 100 %
              </label>
            )}
          </div>
          <div class="stage-picture">
            {view === "print" && <PrintView shown={shown} alt={`${name}, printed`} whole={whole} />}
            {view === "compare" && ground && <Compare before={ground.address} shown={shown} alt={name} />}
            {view === "draw" && ground && pointed && !form?.rectangle && (
              <PointBoard
                ground={ground}
                alt={name}
                point={{ x: point[0] ?? 0.5, y: point[1] ?? 0.5 }}
                set={({ x, y }) =>
                  call &&
                  put(
                    { ...call, values: { ...call.values, [pointed.name]: `${Number(x.toFixed(3))}x${Number(y.toFixed(3))}` } },
                    `point ${call.key}`,
                  )
                }
              />
            )}
            {view === "draw" && ground && (!pointed || form?.rectangle) && (
              <RectangleBoard
                ground={ground}
                alt={name}
                rectangle={call && form?.rectangle ? readRectangle(form.rectangle, call.values, ground) : undefined}
                set={draw}
              />
            )}
            {view !== "print" && !ground && !groundProblem && <div class="blank" aria-hidden="true" />}
            {view !== "print" && groundProblem && (
              <p class="fault" role="alert">
                {wordsOf(groundProblem)}
              </p>
            )}
          </div>
          <Facts subject={subject} loaded={loaded} shown={shown} nothing={path === ""} thumbnail={view === "draw"} />
        </section>

        <section class="chain" aria-label="What is done with the picture">
          <fieldset class="recipes" aria-label="To begin with">
            {d.recipes.map((r) => (
              <button type="button" class="chip" key={r.title} onClick={() => cook(r.chain)}>
                {r.title}
              </button>
            ))}
          </fieldset>
          <div class="chain-head">
            <h2>Operations</h2>
            <button type="button" class="plain small" disabled={!undo} onClick={undo}>
              Undo
            </button>
            <button type="button" class="plain small" disabled={!redo} onClick={redo}>
              Redo
            </button>
          </div>
          <Cards {...common} calls={chain.calls} move={move} label="Operations, in the order in which they run" />
          <button type="button" class="plain add" onClick={() => setMenu("operations")}>
            Add an operation
          </button>
          <h2>Format and settings</h2>
          <label class="inline format">
            Format{" "}
            <select value={chain.extension} onChange={(e) => change({ ...chain, extension: e.currentTarget.value })}>
              {extensions.map((e) => (
                <option key={e} value={e}>
                  {formatName(e)}
                </option>
              ))}
            </select>
          </label>
          <Cards {...common} calls={chain.settings} label="Settings" />
          <button type="button" class="plain add" onClick={() => setMenu("settings")}>
            Add a setting
          </button>
          <form
            class="address"
            onSubmit={(e) => {
              e.preventDefault();
              const field = e.currentTarget.elements.namedItem("chain") as HTMLInputElement;
              change(readChain(d, field.value));
            }}
          >
            <label for="chain">As it stands in the address</label>
            <div class="address-field">
              <input
                id="chain"
                name="chain"
                type="text"
                key={path}
                defaultValue={path}
                spellcheck={false}
                autocomplete="off"
                autocapitalize="off"
              />
              <button type="submit" class="plain small">
                Take
              </button>
            </div>
          </form>
        </section>

        <Code d={d} subject={subject} chain={chain} shot={shot} />
      </div>
      {menu && (
        <Menu
          title={menu === "operations" ? "Add an operation" : "Add a setting"}
          operations={offered.filter(
            (o) => o.setting === (menu === "settings") && !(o.setting && chain.settings.some((s) => s.name === o.name)),
          )}
          choose={add}
          close={() => setMenu(undefined)}
        />
      )}
    </>
  );
}

async function begin(place: HTMLElement): Promise<void> {
  const subject = JSON.parse(place.dataset.playground as string) as Subject;
  const [api, capabilities] = await Promise.all([request("/openapi.json"), request("/capabilities")]);
  if (!api.ok || !capabilities.ok) return; // the page works without scripts, too
  const d = readDescription(await api.json(), await capabilities.json());
  place.replaceChildren();
  render(<Playground d={d} subject={subject} />, place);
}

void begin(document.querySelector("#playground") as HTMLElement);
