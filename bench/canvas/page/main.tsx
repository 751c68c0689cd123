// The page of @xyflow/react that Weft's canvas is compared with, as its documentation says to build a fast one: nodes memoised and
// with explicit sizes and ports, no object made anew in a render, nothing but the graph and the dots behind it. No map.
// `window.bench` is how the driver says what a mouse does not: where to look, what is pasted, which statuses change.

import { Background, type Edge, Handle, type Node, type NodeProps, Position, ReactFlow, type ReactFlowInstance, useEdgesState, useNodesState } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useCallback, useEffect, useRef } from "react";
import { createRoot } from "react-dom/client";
import { CARD, type Graph, graph } from "../src/graph.ts";
import "./page.css";

interface Data extends Record<string, unknown> {
  readonly title: string;
  readonly status: string;
}

type StepOf = Node<Data, "step">;

export interface Bench {
  look(camera: { x: number; y: number; zoom: number }): void;
  showAll(): void;
  camera(): { x: number; y: number; zoom: number };
  nSelected(): number;
  selectNothing(): void;
  paste(n: number): void;
  undo(): void;
  redo(): void;
  change(frames: number, perFrame: number, untilMs: number): Promise<void>;
}

declare global {
  interface Window {
    bench?: Bench;
  }
}

const PORTS = [
  { type: "target" as const, position: Position.Left, x: -5, y: CARD.height / 2 - 5, width: 10, height: 10 },
  { type: "source" as const, position: Position.Right, x: CARD.width - 5, y: CARD.height / 2 - 5, width: 10, height: 10 },
];

const Step = memo(({ data }: NodeProps<StepOf>) => (
  <div className="step" data-status={data.status}>
    <Handle type="target" position={Position.Left} />
    <span className="dot" />
    <div className="words">
      <strong>{data.title}</strong>
      <span>Writer</span>
    </div>
    <Handle type="source" position={Position.Right} />
  </div>
));

const nodeTypes = { step: Step };
const WORDS = ["ready", "running", "completed"] as const;

const asked = new URLSearchParams(location.search);
const first = flow(graph(Number(asked.get("n"))), "");
const isVisibleOnly = asked.get("culling") === "visible";

function flow({ nodes, edges }: Graph, prefix: string): { nodes: StepOf[]; edges: Edge[] } {
  return {
    nodes: nodes.map(({ key, title, x, y }) => ({
      id: prefix + key,
      type: "step",
      position: { x, y },
      data: { title, status: "pending" },
      width: CARD.width,
      height: CARD.height,
      measured: CARD,
      handles: PORTS,
    })),
    edges: edges.map(([source, target]) => ({ id: `${prefix}${source}-${target}`, source: prefix + source, target: prefix + target })),
  };
}

function Page() {
  const [nodes, setNodes, onNodesChange] = useNodesState<StepOf>(first.nodes);
  const [edges, setEdges, onEdgesChange] = useEdgesState<Edge>(first.edges);
  const now = useRef({ nodes, edges });
  now.current = { nodes, edges };
  const instance = useRef<ReactFlowInstance<StepOf, Edge> | null>(null);
  const history = useRef<{ before: { nodes: StepOf[]; edges: Edge[] }; after: { nodes: StepOf[]; edges: Edge[] } } | null>(null);
  const onInit = useCallback((made: ReactFlowInstance<StepOf, Edge>) => {
    instance.current = made;
  }, []);

  useEffect(() => {
    const show = (to: { nodes: StepOf[]; edges: Edge[] }) => {
      setNodes(to.nodes);
      setEdges(to.edges);
    };
    window.bench = {
      look: ({ x, y, zoom }) => void instance.current?.setViewport({ x: -x * zoom, y: -y * zoom, zoom }),
      showAll: () => void instance.current?.fitView({ padding: 0.05, minZoom: 0.02 }),
      camera: () => {
        const { x, y, zoom } = instance.current?.getViewport() ?? { x: 0, y: 0, zoom: 1 };
        return { x: -x / zoom, y: -y / zoom, zoom };
      },
      nSelected: () => now.current.nodes.filter(({ selected }) => selected).length,
      selectNothing: () => setNodes((nodes) => nodes.map((node) => (node.selected ? { ...node, selected: false } : node))),
      paste: (n) => {
        const before = now.current;
        const pasted = flow(graph(n), "p");
        const below = Math.max(...before.nodes.map(({ position }) => position.y)) + 200;
        const moved = pasted.nodes.map((node) => ({ ...node, selected: true, position: { x: node.position.x, y: node.position.y + below } }));
        const after = { nodes: [...before.nodes, ...moved], edges: [...before.edges, ...pasted.edges] };
        history.current = { before, after };
        show(after);
      },
      undo: () => history.current && show(history.current.before),
      redo: () => history.current && show(history.current.after),
      change: (frames, perFrame, untilMs) =>
        new Promise((resolve) => {
          const end = performance.now() + untilMs;
          let n = 0;
          const next = () => {
            if (n >= frames * perFrame || (n > 4 * perFrame && performance.now() > end)) {
              return resolve();
            }
            const changed = new Map<number, string>();
            for (let at = 0; at < perFrame; at++) {
              const count = now.current.nodes.length;
              changed.set((Math.floor(n / WORDS.length) * 7919) % count, WORDS[n++ % WORDS.length] as string);
            }
            setNodes((nodes) => {
              const next = [...nodes];
              for (const [at, status] of changed) {
                const node = next[at] as StepOf;
                next[at] = { ...node, data: { ...node.data, status } };
              }
              return next;
            });
            requestAnimationFrame(next);
          };
          requestAnimationFrame(next);
        }),
    };
  }, [setNodes, setEdges]);

  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onInit={onInit}
      onlyRenderVisibleElements={isVisibleOnly}
      minZoom={0.02}
      maxZoom={4}
      zoomOnScroll
      snapToGrid
      snapGrid={SNAP}
      proOptions={PRO}
    >
      <Background gap={24} />
    </ReactFlow>
  );
}

const SNAP: [number, number] = [16, 16];
const PRO = { hideAttribution: true };

const root = document.getElementById("root");
if (root) {
  root.style.width = `${asked.get("width")}px`;
  root.style.height = `${asked.get("height")}px`;
  createRoot(root).render(<Page />);
}
