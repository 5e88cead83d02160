# syntax=docker/dockerfile:1
# The stages only copy files and run commands relative to their WORKDIR, so that test/image/ can lay the same tree without
# Docker. Pin both images by digest for what you deploy (docs/upgrade.md).

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-bookworm-slim AS production
WORKDIR /production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
# Types and source maps are for who develops: two fifths of the tree.
RUN find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete

FROM gcr.io/distroless/nodejs24-debian12:nonroot
LABEL org.opencontainers.image.title="taskgate" \
      org.opencontainers.image.description="Authorization sidecar for applications whose data hangs off tasks" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY package.json LICENSE ./
COPY deploy/spicedb/schema.zed ./deploy/spicedb/schema.zed
COPY --from=production /production/node_modules ./node_modules
COPY --from=build /build/dist ./dist
ENV NODE_ENV=production
# As `npm run taskgate` sets it: glibc otherwise puts off a part of the freeing, and then does all of it in one pause.
ENV GLIBC_TUNABLES=glibc.malloc.mxfast=0
USER 65532:65532
STOPSIGNAL SIGTERM
# The flags of `npm run taskgate`: they keep it in 256 MiB, and pauses short.
ENTRYPOINT ["/nodejs/bin/node", "--max-old-space-size=128", "--max-semi-space-size=12", "--no-allocation-site-pretenuring", "--v8-pool-size=1", "--heap-growing-percent=100", "--no-separate-gc-phases", "--no-concurrent-marking", "--no-memory-reducer", "/app/dist/main.js"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
  CMD ["/nodejs/bin/node", "--max-old-space-size=32", "/app/dist/main.js", "healthcheck"]
