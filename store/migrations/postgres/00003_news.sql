-- What the processes that have the index open tell each other.

-- +goose Up

-- A row is one piece of news: a removal, a message, or neither for the first, which nobody has told. Rows are numbered without gaps
-- in the order in which they are committed. One goes when another has followed it for a day.
create table news (
    seq     bigint      not null primary key,
    told    timestamptz not null default clock_timestamp(),
    removed bytea       check (length(removed) = 16), -- the id of an original
    message bytea
);
insert into news (seq) values (0);
