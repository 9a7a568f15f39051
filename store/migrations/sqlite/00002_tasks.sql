-- What removals leave to be done.

-- +goose Up

-- Whether another original has the bytes of one that was removed.
create index original_by_digest on original (digest) where removed is null;

-- A row is a task that the removal of an original has left, and goes when it is done. The names are those of
-- whoever does it.
create table task (
    name text not null,
    id   blob not null references original (id),
    primary key (name, id)
);

pragma user_version = 2;
