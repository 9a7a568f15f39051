<?php

declare(strict_types=1);

require __DIR__ . '/../calotype_signing.php';

$vectors = json_decode(file_get_contents($argv[1]), true, flags: JSON_THROW_ON_ERROR);
$seen = $wrong = 0;
$check = function (string $name, string|int $got, string|int $want) use (&$seen, &$wrong): void {
    $seen++;
    if ($got !== $want) {
        $wrong++;
        echo "$name: $got, want $want\n";
    }
};
foreach ($vectors['sign'] as $v) {
    $check($v['name'], Calotype\sign($v['key'], $v['path'], $v['expires'], $v['grant']), $v['signed']);
}
foreach ($vectors['refused'] as $v) {
    try {
        $got = Calotype\sign($v['key'], $v['path']);
    } catch (InvalidArgumentException) {
        $got = 'refused';
    }
    $check($v['name'], $got, 'refused');
}
foreach ($vectors['expiry'] as $v) {
    $check($v['name'], Calotype\expiry($v['life'], $v['now']), $v['expires']);
}
echo "$seen vectors\n";
exit($wrong > 0 ? 1 : 0);
