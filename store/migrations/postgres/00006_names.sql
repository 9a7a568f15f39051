-- Names as they are searched in, and what an original looks like, as SQLite has it.

-- +goose Up
alter table original add column folded text collate "C"; -- compared byte by byte: the order of a locale changes with the system
alter table original add column blurhash text not null default '';

drop index original_by_id;
create index original_by_id on original (tenant, id, format, folded) where removed is null;

create index original_unfolded on original (id) where folded is null and removed is null;
