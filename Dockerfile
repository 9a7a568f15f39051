# An image with Calotype and the pinned libvips. To build and run it:
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t calotype .
#   export CALOTYPE_TOKEN=$(openssl rand -hex 24)
#   docker run -p 8080:8080 -v calotype:/data -e CALOTYPE_TOKEN calotype
#
# It listens to others than this machine, so that uploads, lists and deletions need the token. With CALOTYPE_OPEN=true in its place they are for
# everyone who reaches the port. The token may come as a secret, too: CALOTYPE_TOKEN_FILE=/run/secrets/NAME.

FROM golang:1.26-trixie AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends npm \
 && rm -rf /var/lib/apt/lists/*

# The binary finds libvips by an rpath, the absolute path that the library had when it was linked. The build runs where the
# program will live, so that the path holds in the final image too, and nobody has to set LD_LIBRARY_PATH.
WORKDIR /opt/calotype

# What changes seldom comes first, so that a change of the code fetches nothing anew.
COPY go.mod go.sum ./
RUN go mod download
COPY Makefile ./
COPY deps/package.json deps/package-lock.json deps/go.mod deps/go.sum deps/
RUN make VIPS=pinned deps

COPY . .
ARG VERSION=unknown
RUN make VIPS=pinned version="$VERSION" build

# Of libvips only the shared library is wanted, and what its licence asks to go with it: the table of the licences in it,
# their texts, its versions, and where its source is. It stays a file of its own, which users may replace.
RUN set -eu; \
    library=$(ldd bin/calotype | awk '/libvips-cpp/ { print $3 }'); \
    package=${library%/lib/*}; \
    mkdir -p "/image$package/lib" "/image$package/licenses" /image/opt/calotype/bin /image/usr/local/bin; \
    cp "$library" "/image$package/lib/"; \
    cp "$package/README.md" "$package/versions.json" "$package/package.json" "/image$package/"; \
    cp /usr/share/common-licenses/LGPL-3 /usr/share/common-licenses/GPL-3 /usr/share/common-licenses/MPL-1.1 "/image$package/licenses/"; \
    version=$(sed -nE 's/.*"version": "([^"]+)".*/\1/p' "$package/package.json"); \
    echo "The source of this library: https://github.com/lovell/sharp-libvips, tag v$version" >"/image$package/SOURCE"; \
    cp bin/calotype /image/opt/calotype/bin/; \
    cp LICENSE /image/opt/calotype/; \
    cp transform/heic/module/README.md /image/opt/calotype/HEIC.md; \
    ln -s /opt/calotype/bin/calotype /image/usr/local/bin/calotype

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin calotype \
 && install -d -o calotype -g calotype -m 0750 /data
COPY --from=build /image /
USER 10001
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["calotype"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/data"]
