# The log as an image: docker build -t stratus .
#
# deploy/docker-compose.yml builds and runs it; docs/OPERATIONS.md walks through both.
# The program runs from its sources (Node strips the types); only the files that its pages load
# are bundled here, once, so that the image needs no bundler.

# First stage: the packages that package-lock.json names, checked against the hashes there.
# 24 is the release line that package.json asks for; "slim" is Debian without compilers.
FROM node:24-bookworm-slim AS packages
WORKDIR /opt/stratus
# Only what npm reads, so that this layer is built again only when a dependency changes.
COPY package.json package-lock.json .npmrc ./
# --omit=dev: no linters, no compiler. --ignore-scripts: no package runs code of its own;
# LevelDB's binding and esbuild's program come prebuilt.
RUN npm ci --omit=dev --ignore-scripts
# What pages load is kept below node_modules/.cache, by a hash of the sources. Then the bundler's
# program goes, and the second Node: the image has one.
COPY src ./src
RUN node src/cli/build-pages.ts && rm -r node_modules/node-linux-* node_modules/@esbuild

# Second stage: what runs. It never sees npm's cache.
FROM node:24-bookworm-slim
# A number, not only a name: it owns the volumes, and must stay the same from image to image.
RUN groupadd --system --gid 10001 stratus \
 && useradd --system --uid 10001 --gid stratus --home-dir /nonexistent --shell /usr/sbin/nologin stratus \
# The two folders that are written to. New named volumes take over their owner and mode.
 && install -d -o stratus -g stratus -m 0700 /var/lib/stratus /var/lib/stratus-guard
WORKDIR /opt/stratus
# Owned by root: the process cannot change its own program.
COPY --from=packages /opt/stratus/node_modules ./node_modules
COPY package.json stratus ./
COPY scripts ./scripts
COPY src ./src
COPY config ./config
# What the dashboard says to do about a warning.
COPY docs/OPERATIONS.md ./docs/
# The sample configuration; mount your own over it.
COPY deploy/log.yaml /etc/stratus/log.yaml

# Inside a container both ports listen to all of it; what is reachable from outside is decided
# where the container is started: publish 6962 to the TLS proxy only, 6963 to nobody.
ENV STRATUS_CONFIG=/etc/stratus/log.yaml \
    STRATUS_LISTEN=0.0.0.0:6962 \
    STRATUS_OPERATIONS=0.0.0.0:6963 \
    NODE_ENV=production
EXPOSE 6962 6963

# Data and guard apart: the guard is what notices that the data were rolled back, so the two
# must never come from one snapshot, and best lie on two disks.
VOLUME ["/var/lib/stratus", "/var/lib/stratus-guard"]
USER 10001:10001

# Whether the process answers, not whether every shard is well: a restart cures no ill shard,
# and would take the others with it. Metrics and /readyz say how the shards are.
# The first start of a large shard may take its time: failures count after two minutes.
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:6963/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

# SIGTERM drains: submissions in flight get their SCTs. Give it the time (stop_grace_period).
STOPSIGNAL SIGTERM
# `docker run stratus init` and any other command work the same way.
ENTRYPOINT ["/opt/stratus/stratus"]
CMD ["serve"]
