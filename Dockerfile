# One image for the whole platform: `firedrill` with every service, scenario and rule file inside.
# Three stages: what compiles, what runs needs, what is shipped.

FROM node:22.21.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Scripts would compile, and the sources are not there yet.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY tools/build.mjs tools/build.mjs
COPY services services
COPY simulator simulator
RUN npm run build

FROM node:22.21.1-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:22.21.1-bookworm-slim AS runtime
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE NOTICE ./
COPY licenses licenses
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY simulator/judge/embedded/engine.wasm.br simulator/judge/embedded/engine.json simulator/judge/embedded/wasm_exec.js simulator/judge/embedded/
COPY scenarios scenarios
COPY observability observability
RUN ln -s /app/bin/firedrill.js /usr/local/bin/firedrill
# The user of the base image, without rights over /app.
USER node
ENTRYPOINT ["firedrill"]
CMD ["--help"]
