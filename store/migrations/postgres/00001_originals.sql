-- The index of originals, as SQLite has it; there it is said why. bytea is what blob is there.

-- +goose Up
create table original (
    id          bytea   not null primary key check (length(id) = 16),
    digest      bytea   not null check (length(digest) = 32),
    bytes       bigint  not null,
    format      text    not null,
    width       bigint  not null,
    height      bigint  not null,
    orientation bigint  not null,
    frames      bigint  not null,
    depth       bigint  not null,
    alpha       boolean not null,
    name        bytea   not null,
    created     bigint  not null,
    removed     bigint
);

create index original_by_id on original (id) where removed is null;
create index original_by_format on original (format, id) where removed is null;
