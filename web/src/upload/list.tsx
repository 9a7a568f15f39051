import { useChanges } from "./changes";
import type { Queue } from "./queue";
import { Row } from "./row";
import { Total } from "./total";

/** All uploads of the page. */
export function List({ queue }: { queue: Queue }) {
  useChanges(queue);
  if (queue.items.length === 0) return null;
  return (
    <>
      <Total queue={queue} />
      {queue.notice && (
        <p class="quiet" role="status">
          {queue.notice}
        </p>
      )}
      <ul class="uploads" aria-label="Files">
        {queue.items.map((item) => (
          <Row key={item.key} item={item} queue={queue} />
        ))}
      </ul>
    </>
  );
}
