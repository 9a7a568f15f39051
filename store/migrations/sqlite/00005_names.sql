-- What the gallery shows and finds: names as they are searched in, and what an original looks like until its print is there.

-- +goose Up
alter table original add column folded text;                     -- the name, see folded in fold.go; null until that is known
alter table original add column blurhash text not null default ''; -- see Original.Blurhash

-- A search walks this from the newest down, and meets no table on the way: it has all columns that a search asks about, also the one that
-- is null in all of it. Listings walk it, too.
drop index original_by_id;
create index original_by_id on original (tenant, id, format, folded, removed) where removed is null;

create index original_unfolded on original (id) where folded is null and removed is null;

pragma user_version = 5;
