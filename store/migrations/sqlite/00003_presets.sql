-- Chains that have names. PostgreSQL has the same.

-- +goose Up

-- A row is one version of a preset. Versions are counted from 1, and none is used again: when a preset is removed its newest row stays
-- without its chain, and the older ones go.
create table preset (
    tenant  text   not null default '',
    name    text   not null,
    version bigint not null check (version > 0),
    chain   text,            -- null if the preset was removed
    created bigint not null, -- milliseconds since 1970-01-01 UTC; of the removal, if it was removed
    primary key (tenant, name, version)
);

pragma user_version = 3;
