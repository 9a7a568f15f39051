// A field for the value of a parameter, by what the parameter is.

import { useId } from "preact/hooks";
import { Box, PlaceInput, WordInput, WordsInput } from "./choices";
import type { Field, Labelled, Labels } from "./field";
import { LengthInput, NumberInput, PointInput, RatioInput } from "./numbers";
import { ColorInput, ImageInput, PlainInput, TextInput } from "./texts";

/** One parameter with its label, what it means, and its field. */
export function ParameterField(props: Field) {
  const { parameter: p, value, set, fault } = props;
  const id = useId();
  const labels: Labels = { id, "aria-describedby": fault ? `${id}-doc ${id}-fault` : `${id}-doc` };
  if (fault) labels["aria-invalid"] = "true";
  const box = p.kind === "flag" || p.kind === "switch";
  const group = p.kind === "words" || p.places !== undefined;
  const Frame = group ? "fieldset" : "div";
  return (
    <Frame class="parameter" aria-labelledby={group ? `${id}-name` : undefined}>
      <div class="parameter-head">
        {group ? (
          <span class="parameter-name" id={`${id}-name`}>
            {p.name}
          </span>
        ) : (
          <label for={id}>
            {box && <Box {...props} labels={labels} />} {p.name}
          </label>
        )}
        {!p.required && value !== undefined && !box && (
          <button type="button" class="link" onClick={() => set(undefined)} aria-label={`Leave out ${p.name}`}>
            leave out
          </button>
        )}
        {!p.required && value === undefined && !box && (
          <span class="quiet">{p.preset === undefined ? "left out" : `by default ${p.preset}`}</span>
        )}
      </div>
      {!box && <Input {...props} labels={labels} />}
      <p class="quiet" id={`${id}-doc`}>
        {p.doc}
      </p>
      {fault && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </Frame>
  );
}

function Input(props: Labelled) {
  switch (props.parameter.kind) {
    case "integer":
    case "number":
      return <NumberInput {...props} />;
    case "length":
      return <LengthInput {...props} />;
    case "word":
      return props.parameter.places ? <PlaceInput {...props} /> : <WordInput {...props} />;
    case "words":
      return <WordsInput {...props} />;
    case "color":
      return <ColorInput {...props} />;
    case "point":
      return <PointInput {...props} />;
    case "ratio":
      return <RatioInput {...props} />;
    case "base64url":
      return <TextInput {...props} />;
    case "id":
      return <ImageInput {...props} />;
    default:
      return <PlainInput {...props} />;
  }
}
