# An image with Calotype and the pinned libvips. To build and run it:
#
#   docker build --build-arg VERSION=$(git describe --tags --always) -t calotype .
#   export CALOTYPE_TOKEN=$(openssl rand -hex 24)
#   docker run -p 8080:8080 -v calotype:/data -e CALOTYPE_TOKEN calotype
#
# It listens to others than this machine, so that uploads, lists and deletions need the token. With CALOTYPE_OPEN=true in its place they are for
# everyone who reaches the port. The token may come as a secret, too: CALOTYPE_TOKEN_FILE=/run/secrets/NAME.
#
# It is built for the processor of the machine, amd64 or arm64, or with --platform=linux/amd64,linux/arm64 for both. `make test-image` builds and
# runs it.

FROM golang:1.26-trixie AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends npm \
 && rm -rf /var/lib/apt/lists/*

# What the program needs of Debian, as the packages that it comes in: scanners find their versions in status.d, and people their licences
# in doc. They are of the release with which the program is built, so that it finds the C library that it was linked with. There is no shell and no package manager.
WORKDIR /tmp/packages
RUN set -eu; \
    apt-get update; \
    apt-get download base-files ca-certificates gcc-14-base libc6 libgcc-s1 libstdc++6; \
    rm -rf /var/lib/apt/lists/*; \
    mkdir -p /image/var/lib/dpkg/status.d; \
    for package in base-files ca-certificates gcc-14-base libc6 libgcc-s1 libstdc++6; do \
        dpkg-deb --extract "$package"_*.deb /image; \
        dpkg-deb --field "$package"_*.deb >"/image/var/lib/dpkg/status.d/$package"; \
    done; \
    mkdir -p /image/etc/ssl/certs; \
    cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    echo 'root:x:0:0::/:/usr/sbin/nologin' >/image/etc/passwd; \
    echo 'calotype:x:10001:10001::/data:/usr/sbin/nologin' >>/image/etc/passwd; \
    install -d -o 10001 -g 10001 -m 0750 /image/data

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
RUN --mount=type=cache,target=/root/.cache/go-build \
    make VIPS=pinned version="$VERSION" LDFLAGS="-s -w" build

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
    cp LICENSE README.md /image/opt/calotype/; \
    cp transform/heic/module/README.md /image/opt/calotype/HEIC.md; \
    ln -s /opt/calotype/bin/calotype /image/usr/local/bin/calotype

FROM scratch
COPY --from=build /image /
LABEL org.opencontainers.image.title="Calotype" \
      org.opencontainers.image.description="One original, any number of prints: an image origin that is asked by URL" \
      org.opencontainers.image.licenses="Apache-2.0 AND LGPL-3.0-or-later"
# Options are given by the environment, so that they hold for every command that is run in the container: the health check, too. What
# runs at a stop has eight seconds, since Docker kills after ten.
ENV PATH=/usr/local/bin \
    CALOTYPE_LISTEN=0.0.0.0:8080 \
    CALOTYPE_DATA=/data \
    CALOTYPE_SHUTDOWN_WAIT=8s
USER 10001:10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["calotype", "healthcheck"]
ENTRYPOINT ["calotype"]
CMD ["serve"]
