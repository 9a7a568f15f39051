<?php

declare(strict_types=1);

namespace Calotype;

/**
 * Returns a path with a signature in it, as docs/signing.md says.
 *
 * @param string $key     one of the server's, as in k1:8f0c…
 * @param string $path    /download/<id>/… or /proxy/_/<source>/…, without a query
 * @param int    $expires in seconds since 1970; 0 for never
 * @param string $grant   what may be appended to what is returned, as in w1600s80_d3_avif-webp-jpg
 */
function sign(string $key, string $path, int $expires = 0, string $grant = ''): string
{
    if (!preg_match('~^([a-z0-9]{1,8}):((?:[0-9a-fA-F]{2}){32,})$~D', $key, $parts)) {
        throw new \InvalidArgumentException('this is no key');
    }
    [, $name, $digits] = $parts;
    if (!preg_match('#^(/download/|/proxy/)(?:(?<=/proxy/)/*_/)?/*([^~/?\#][^?\#]*)$#Ds', $path, $parts) || preg_match('#%(?![0-9a-f]{2})#i', $path)) {
        throw new \InvalidArgumentException("$path is not the path of an image");
    }
    [, $route, $rest] = $parts;
    $segments = [];
    foreach (preg_split('#/+#', $rest, -1, PREG_SPLIT_NO_EMPTY) as $segment) {
        $decoded = rawurldecode($segment);
        if (!preg_match('##u', $decoded) || $decoded === '.' || $decoded === '..') {
            throw new \InvalidArgumentException("$path is not UTF-8, or has dot segments");
        }
        $segments[] = preg_replace_callback('#%(2[146-9ABC]|3[ABD]|40)#', fn ($c) => rawurldecode($c[0]), rawurlencode($decoded));
    }
    $rest = implode('/', $segments);
    $head = "calotype1\n$name\n$expires\n";
    $bounds = '';
    if ($grant !== '') {
        $bounds = $grant . '_n' . count($segments);
        $head = "calotype1-bounded\n$name\n$expires\n$bounds\n";
        $bounds = ".$bounds";
    }
    $mac = hash_hmac('sha256', $head . $route . $rest, hex2bin($digits), true);
    $code = rtrim(strtr(base64_encode(substr($mac, 0, 16)), '+/', '-_'), '=');
    return "$route~$name.$expires.$code$bounds/$rest";
}

/**
 * Returns the end of a signature that is to be good for so many seconds, at the least: in whole days, hours or minutes, so that addresses
 * stay the same for a while.
 */
function expiry(int $seconds, ?int $now = null): int
{
    $grid = $seconds >= 86400 ? 86400 : ($seconds >= 3600 ? 3600 : 60);
    return intdiv(($now ?? time()) + $seconds + $grid - 1, $grid) * $grid;
}
