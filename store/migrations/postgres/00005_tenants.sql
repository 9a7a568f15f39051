-- Whose an original is, and how much each tenant has, as SQLite has it.

-- +goose Up
alter table original add column tenant text not null default '';

drop index original_by_id;
drop index original_by_format;
create index original_by_id on original (tenant, id) where removed is null;
create index original_by_format on original (tenant, format, id) where removed is null;

create table usage (
    tenant text   not null primary key,
    images bigint not null,
    bytes  bigint not null
);

-- +goose StatementBegin
create function count_added() returns trigger language plpgsql as $$
begin
    insert into usage (tenant, images, bytes) values (new.tenant, 1, new.bytes)
    on conflict (tenant) do update set images = usage.images + 1, bytes = usage.bytes + excluded.bytes;
    return null;
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function count_removed() returns trigger language plpgsql as $$
begin
    update usage set images = images - 1, bytes = bytes - new.bytes where tenant = new.tenant;
    return null;
end
$$;
-- +goose StatementEnd

create trigger original_added after insert on original for each row
    when (new.tenant <> '' and new.removed is null) execute function count_added();
create trigger original_removed after update of removed on original for each row
    when (new.tenant <> '' and old.removed is null and new.removed is not null) execute function count_removed();
