using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

# Without nodejs_compat: core needs nothing of Node.
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "server.mjs")],
  compatibilityDate = "2026-01-01",
);
