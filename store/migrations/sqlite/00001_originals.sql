-- The index of originals. PostgreSQL has the same with bytea for blob.
--
-- Ids are their 16 bytes, not text: both databases compare bytes as bytes, so that ids sort by age in either, whereas
-- PostgreSQL compares text by the rules of a locale; and 16 bytes make smaller indexes than 36 characters.
-- Names are bytes as well: PostgreSQL's text cannot hold a NUL, and nothing here looks into a name.
-- Times are milliseconds since 1970-01-01 UTC.

-- +goose Up
create table original (
    id          blob    not null primary key check (length(id) = 16),
    digest      blob    not null check (length(digest) = 32),
    bytes       bigint  not null,
    format      text    not null,
    width       bigint  not null,
    height      bigint  not null,
    orientation bigint  not null,
    frames      bigint  not null,
    depth       bigint  not null,
    alpha       boolean not null,
    name        blob    not null,
    created     bigint  not null,
    removed     bigint           -- null while the original is there; the row stays so that the id is not used again
);

-- Listings walk these from the newest down, and meet no removed original on the way.
create index original_by_id on original (id) where removed is null;
create index original_by_format on original (format, id) where removed is null;

pragma user_version = 1; -- for programs that know nothing of schema_version
