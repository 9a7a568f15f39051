-- Chains that have names, as SQLite has them.

-- +goose Up
create table preset (
    tenant  text   not null default '',
    name    text   not null,
    version bigint not null check (version > 0),
    chain   text,
    created bigint not null,
    primary key (tenant, name, version)
);
