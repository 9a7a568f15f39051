# A Varnish that keeps what Calotype makes, in front of one Calotype. It is written for Varnish 7.1 with the package varnish-modules,
# as Debian 12 has them:
#
#     varnishd -a :8081 -f /etc/varnish/calotype.vcl -s malloc,1g
#
# What to set comes first.
vcl 4.1;

import accept;
import std;
import xkey;

# Where Calotype listens. Varnish keeps idle connections for a minute, Calotype for two.
backend calotype {
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 2s;
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
    .probe = {
        .url = "/capabilities";
        .interval = 2s;
        .timeout = 2s;
        .window = 5;
        .threshold = 2;
        .initial = 2;
    }
}

# Who may purge: this machine. Add the networks of your Calotypes, as in "10.1.0.0"/16.
acl purgers {
    "127.0.0.1";
    "::1";
}

# How long what has expired is served while it is fetched anew, as long as Calotype is well. It is the stale-while-revalidate of
# what Calotype says; if Calotype is not well, its stale-if-error counts.
sub patience {
    set req.grace = 1d;
}

# The hosts of tenants (docs/tenants.md), as in "^(img\.shop\.example|img\.blog\.example)$". All others are one host, to Calotype and in the cache.
sub tenant_host {
    set req.http.Host = regsub(std.tolower(req.http.Host), ":[0-9]*$", "");
    if (req.http.Host !~ "^(no-tenant\.invalid)$") {
        set req.http.Host = "calotype";
    }
}

# Nothing below needs to be changed.

sub vcl_init {
    new avif = accept.rule("");
    avif.add("image/avif");
    new webp = accept.rule("");
    webp.add("image/webp");
}

sub vcl_recv {
    if (req.restarts == 0) {
        unset req.http.X-Cache;
        if (req.http.X-Request-Id !~ "^[A-Za-z0-9_.-]{1,64}$") {
            set req.http.X-Request-Id = std.time2integer(now, 0) + "-" + req.xid;
        }
        if (std.healthy(req.backend_hint)) {
            call patience;
        }
    } else {
        set req.grace = 10y; # the object's own counts
    }
    if (req.method == "PURGE") {
        # Varnish has added the address of who speaks to it. If there is another, somebody passes this on.
        if (client.ip !~ purgers || req.http.X-Forwarded-For ~ ",") {
            return (synth(403));
        }
        if (req.http.xkey) {
            set req.http.purged = xkey.purge(req.http.xkey);
            return (synth(200, "Purged " + req.http.purged));
        }
        call image_address;
        call tenant_host;
        return (purge);
    }
    if (req.method !~ "^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$") {
        return (synth(405));
    }
    if (req.method !~ "^(GET|HEAD)$" || req.url !~ "^/+(download|proxy)/") {
        return (pass);
    }
    # What is not part of the key does not reach Calotype either.
    call image_address;
    unset req.http.Authorization;
    unset req.http.Cookie;
    unset req.http.Forwarded;
    unset req.http.X-Forwarded-Host;
    unset req.http.X-Forwarded-Proto;
    call tenant_host;
    # Of what a browser accepts, only AVIF and WebP make a difference, and only to negotiated addresses.
    if (req.url ~ "(?i)(\.auto/*$|/format[:=]auto([./]|$))") {
        std.collect(req.http.Accept);
        set req.http.Accept = avif.filter(req.http.Accept) + "," + webp.filter(req.http.Accept);
    } else {
        unset req.http.Accept;
    }
    return (hash);
}

# An address without its query, in one spelling of those that the ways through the web make of it.
sub image_address {
    set req.url = regsub(req.url, "\?.*$", "");
    set req.url = regsuball(req.url, "(?i)%2C", ",");
    set req.url = regsuball(req.url, "(?i)%3A", ":");
    set req.url = regsuball(req.url, "(?i)%3D", "=");
    set req.url = regsuball(req.url, "(?i)%7E", "~");
    set req.url = regsuball(req.url, "//+", "/");
}

sub vcl_hash {
    hash_data(req.http.Host);
    hash_data(req.url);
    return (lookup);
}

sub vcl_hit {
    set req.http.X-Cache = "HIT";
    if (obj.ttl <= 0s) {
        set req.http.X-Cache = "STALE";
    }
}

sub vcl_miss {
    set req.http.X-Cache = "MISS";
}

sub vcl_pass {
    set req.http.X-Cache = "BYPASS";
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        call fetch_failed;
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
    set beresp.grace = 0s;
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s"), 0s);
    }
    # Varnish stores these only if it is told to.
    if ((beresp.status == 400 || beresp.status == 405 || beresp.status == 422)
      && beresp.http.Cache-Control ~ "^public, max-age=[0-9]") {
        set beresp.ttl = std.duration(regsub(beresp.http.Cache-Control, "^.*max-age=([0-9]+).*$", "\1s"), 0s);
    }
    if (!beresp.http.xkey && beresp.http.Cache-Tag) {
        set beresp.http.xkey = regsuball(beresp.http.Cache-Tag, ",", " ");
    }
}

sub vcl_backend_error {
    call fetch_failed;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain";
    set beresp.http.Retry-After = "2";
    synthetic("The server of images does not answer." + {"
"});
    return (deliver);
}

# Where there is an expired object, Varnish asks whether it still holds. If the answer is a failure, the object is left as it is,
# and vcl_synth has it served.
sub fetch_failed {
    if (bereq.is_bgfetch || bereq.http.If-None-Match) {
        return (abandon);
    }
}

sub vcl_synth {
    if (resp.status == 503 && req.restarts == 0) {
        return (restart);
    }
    set resp.http.X-Request-Id = req.http.X-Request-Id;
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain";
    set resp.body = resp.reason + {"
"};
    return (deliver);
}

sub vcl_deliver {
    set resp.http.X-Request-Id = req.http.X-Request-Id; # what is stored has that of the first request
    set resp.http.X-Cache = req.http.X-Cache;
    unset resp.http.xkey;
    unset resp.http.X-Varnish;
}
