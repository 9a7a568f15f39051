-- Whose an original is, and how much each tenant has.

-- +goose Up
alter table original add column tenant text not null default ''; -- that of a server that has no others

-- Listings are of one tenant.
drop index original_by_id;
drop index original_by_format;
create index original_by_id on original (tenant, id) where removed is null;
create index original_by_format on original (tenant, format, id) where removed is null;

-- What the originals of a tenant that were not removed are together. It is kept by triggers, so that no statement can forget it. That of
-- the tenant '' is not counted.
create table usage (
    tenant text   not null primary key,
    images bigint not null,
    bytes  bigint not null
);

-- +goose StatementBegin
create trigger original_added after insert on original when new.tenant <> '' and new.removed is null
begin
    insert into usage (tenant, images, bytes) values (new.tenant, 1, new.bytes)
    on conflict (tenant) do update set images = images + 1, bytes = bytes + excluded.bytes;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create trigger original_removed after update of removed on original when new.tenant <> '' and old.removed is null and new.removed is not null
begin
    update usage set images = images - 1, bytes = bytes - new.bytes where tenant = new.tenant;
end;
-- +goose StatementEnd

pragma user_version = 4;
