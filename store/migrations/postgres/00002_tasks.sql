-- What removals leave to be done, as SQLite has it.

-- +goose Up
create index original_by_digest on original (digest) where removed is null;

create table task (
    name text  not null,
    id   bytea not null references original (id),
    primary key (name, id)
);
