# The broker in a container: docker build -t shardmq . && docker run -p 1883:1883 -v shardmq:/data shardmq
FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY src src
COPY workers workers
COPY test test
COPY perf perf
COPY examples examples
RUN npm run build && npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22-slim
# Whatever command is given: what is kept lies in the volume.
ENV NODE_ENV=production SHARDMQ_NODE__DATA_DIR=/data
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist/src dist/src
COPY --from=build /build/dist/workers dist/workers
COPY LICENSE ./
RUN mkdir --mode=700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 1883
HEALTHCHECK --interval=10s --timeout=3s CMD \
  ["node", "-e", "require('net').connect(1883, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"]
# Give it longer than shutdown.timeout (10 s): docker stop --time 15. Killed earlier it loses nothing that was acknowledged.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/src/cli.cjs"]
CMD ["start"]
