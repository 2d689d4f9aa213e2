import { blocks, runs, type Block } from "../logic/text";

function Code({ block }: { block: Block }) {
  return (
    <div class="code">
      {block.info && <p class="code-info">{block.info}</p>}
      {block.text && (
        <pre tabIndex={0}>
          <code>{block.text}</code>
        </pre>
      )}
    </div>
  );
}

/** Text from a model or a person is only ever text: it becomes text nodes, never markup. */
export function Words({ text }: { text: string }) {
  return (
    <>
      {blocks(text).map((block, i) =>
        block.kind === "code" ? (
          <Code key={i} block={block} />
        ) : (
          <p key={i}>
            {runs(block.text).map((run, j) =>
              run.kind === "code" ? (
                <code key={j}>{run.text}</code>
              ) : run.kind === "bold" ? (
                <strong key={j}>{run.text}</strong>
              ) : (
                run.text
              ),
            )}
          </p>
        ),
      )}
    </>
  );
}
