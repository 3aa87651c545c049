"""bookings: services, people, parts, work in progress, drivers, reminders

Revision: 0004
After: 0003
"""

from __future__ import annotations

from datetime import datetime, timezone

import sqlalchemy as sa
from alembic import op
import pitstop.storage.types

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

_SECONDS = 900


def upgrade() -> None:
    op.create_table('part',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_part'))
    )
    op.create_table('setting',
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('updated_by', sa.String(length=60), nullable=False),
    sa.Column('updated_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_setting'))
    )
    op.create_table('entitlement',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('vehicle_id', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('source', sa.String(length=20), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('expires_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['vehicle_id'], ['vehicle.id'], name=op.f('fk_entitlement_vehicle_id_vehicle')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entitlement'))
    )
    with op.batch_alter_table('entitlement', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_entitlement_vehicle_id'), ['vehicle_id'], unique=False)

    op.create_table('part_unit',
    sa.Column('id', sa.String(length=40), nullable=False),
    sa.Column('place_id', sa.String(length=40), nullable=False),
    sa.Column('part', sa.String(length=40), nullable=False),
    sa.Column('available_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['part'], ['part.code'], name=op.f('fk_part_unit_part_part')),
    sa.ForeignKeyConstraint(['place_id'], ['place.id'], name=op.f('fk_part_unit_place_id_place')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_part_unit'))
    )
    with op.batch_alter_table('part_unit', schema=None) as batch_op:
        batch_op.create_index('ix_part_unit_place_id_part', ['place_id', 'part', 'available_at'], unique=False)

    op.create_table('closure',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('place_id', sa.String(length=40), nullable=False),
    sa.Column('resource_id', sa.String(length=40), nullable=True),
    sa.Column('start', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('end', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(length=20), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=True),
    sa.Column('created_by', sa.String(length=60), nullable=False),
    sa.Column('created_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('lifted_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['place_id'], ['place.id'], name=op.f('fk_closure_place_id_place')),
    sa.ForeignKeyConstraint(['resource_id'], ['resource.id'], name=op.f('fk_closure_resource_id_resource')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closure'))
    )
    with op.batch_alter_table('closure', schema=None) as batch_op:
        batch_op.create_index('ix_closure_place_id_end', ['place_id', 'end'], unique=False)

    op.create_table('resource_exception',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('resource_id', sa.String(length=40), nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('windows', sa.JSON(), nullable=False),
    sa.Column('reason', sa.String(length=80), nullable=False),
    sa.ForeignKeyConstraint(['resource_id'], ['resource.id'], name=op.f('fk_resource_exception_resource_id_resource')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_resource_exception')),
    sa.UniqueConstraint('resource_id', 'day', name=op.f('uq_resource_exception_resource_id_day'))
    )
    op.create_table('entitlement_use',
    sa.Column('entitlement_id', sa.String(length=40), nullable=False),
    sa.Column('ordinal', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('booking_id', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['booking_id'], ['booking.id'], name=op.f('fk_entitlement_use_booking_id_booking'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['entitlement_id'], ['entitlement.id'], name=op.f('fk_entitlement_use_entitlement_id_entitlement'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('entitlement_id', 'ordinal', name=op.f('pk_entitlement_use'))
    )
    with op.batch_alter_table('entitlement_use', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_entitlement_use_booking_id'), ['booking_id'], unique=False)

    op.create_table('journey',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('booking_id', sa.String(length=26), nullable=False),
    sa.Column('leg', sa.String(length=8), nullable=False),
    sa.Column('worker_id', sa.String(length=40), nullable=True),
    sa.Column('place_id', sa.String(length=40), nullable=False),
    sa.Column('address', pitstop.storage.types.Encrypted(), nullable=False),
    sa.Column('position', pitstop.storage.types.Encrypted(), nullable=True),
    sa.Column('window_start', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('window_end', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('code', pitstop.storage.types.Encrypted(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('mileage_km', sa.Integer(), nullable=True),
    sa.Column('soc', sa.Integer(), nullable=True),
    sa.Column('photos', sa.JSON(), nullable=False),
    sa.Column('belongings', pitstop.storage.types.Encrypted(), nullable=True),
    sa.Column('set_off_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.Column('arrived_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.Column('finished_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['booking_id'], ['booking.id'], name=op.f('fk_journey_booking_id_booking'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['place_id'], ['place.id'], name=op.f('fk_journey_place_id_place')),
    sa.ForeignKeyConstraint(['worker_id'], ['resource.id'], name=op.f('fk_journey_worker_id_resource')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_journey')),
    sa.UniqueConstraint('booking_id', 'leg', name=op.f('uq_journey_booking_id_leg'))
    )
    with op.batch_alter_table('journey', schema=None) as batch_op:
        batch_op.create_index('ix_journey_place_id_window_start', ['place_id', 'window_start'], unique=False)

    op.create_table('part_claim',
    sa.Column('unit_id', sa.String(length=40), nullable=False),
    sa.Column('booking_id', sa.String(length=26), nullable=False),
    sa.ForeignKeyConstraint(['booking_id'], ['booking.id'], name=op.f('fk_part_claim_booking_id_booking'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['unit_id'], ['part_unit.id'], name=op.f('fk_part_claim_unit_id_part_unit'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('unit_id', name=op.f('pk_part_claim'))
    )
    with op.batch_alter_table('part_claim', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_part_claim_booking_id'), ['booking_id'], unique=False)

    op.create_table('quote',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('booking_id', sa.String(length=26), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=12), nullable=False),
    sa.Column('note', pitstop.storage.types.Encrypted(), nullable=True),
    sa.Column('created_by', sa.String(length=60), nullable=False),
    sa.Column('created_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.String(length=40), nullable=True),
    sa.Column('decided_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.Column('client_id', sa.String(length=80), nullable=False),
    sa.ForeignKeyConstraint(['booking_id'], ['booking.id'], name=op.f('fk_quote_booking_id_booking'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quote')),
    sa.UniqueConstraint('booking_id', 'number', name=op.f('uq_quote_booking_id_number')),
    sa.UniqueConstraint('client_id', name=op.f('uq_quote_client_id'))
    )
    with op.batch_alter_table('quote', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_quote_booking_id'), ['booking_id'], unique=False)

    op.create_table('reminder',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('booking_id', sa.String(length=26), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('due_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
    sa.Column('sent_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.Column('skipped', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['booking_id'], ['booking.id'], name=op.f('fk_reminder_booking_id_booking'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reminder')),
    sa.UniqueConstraint('booking_id', 'kind', name=op.f('uq_reminder_booking_id_kind'))
    )
    with op.batch_alter_table('reminder', schema=None) as batch_op:
        batch_op.create_index('ix_reminder_sent_at_due_at', ['sent_at', 'due_at'], unique=False)

    op.create_table('quote_line',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('quote_id', sa.String(length=26), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=True),
    sa.Column('parts_price', pitstop.storage.types.Money(), nullable=False),
    sa.Column('labour_price', pitstop.storage.types.Money(), nullable=False),
    sa.Column('approved', sa.Boolean(), nullable=True),
    sa.Column('decided_by', sa.String(length=40), nullable=True),
    sa.Column('decided_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['quote_id'], ['quote.id'], name=op.f('fk_quote_line_quote_id_quote'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quote_line')),
    sa.UniqueConstraint('quote_id', 'position', name=op.f('uq_quote_line_quote_id_position'))
    )
    with op.batch_alter_table('quote_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_quote_line_quote_id'), ['quote_id'], unique=False)

    with op.batch_alter_table('booking', schema=None) as batch_op:
        batch_op.add_column(sa.Column('services', sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        batch_op.add_column(sa.Column('technician_id', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('person_asked', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('ready_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('lock_until', pitstop.storage.types.UtcTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('consent_at', pitstop.storage.types.UtcTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_booking_technician_id_resource'), 'resource', ['technician_id'], ['id'])

    with op.batch_alter_table('place', schema=None) as batch_op:
        batch_op.add_column(sa.Column('access', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column('reach_km', sa.Float(), nullable=True))
        batch_op.add_column(sa.Column('station', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))

    with op.batch_alter_table('resource', schema=None) as batch_op:
        batch_op.add_column(sa.Column('soc', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('hours', sa.JSON(), nullable=True))

    with op.batch_alter_table('service_item', schema=None) as batch_op:
        batch_op.add_column(sa.Column('technicians', sa.Integer(), nullable=False, server_default='1'))
        batch_op.add_column(sa.Column('kit', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column('prices', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column('warranty', sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
        batch_op.add_column(sa.Column('models', sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
        batch_op.add_column(sa.Column('active', sa.Boolean(), nullable=False, server_default=sa.true()))

    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.add_column(sa.Column('booking_id', sa.String(length=26), nullable=True))
        batch_op.add_column(sa.Column('solved', sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column('callback_case_id', sa.String(length=26), nullable=True))
        batch_op.alter_column('handoff_id',
               existing_type=sa.VARCHAR(length=26),
               nullable=True)
        batch_op.create_unique_constraint(batch_op.f('uq_survey_booking_id'), ['booking_id'])
        batch_op.create_foreign_key(batch_op.f('fk_survey_booking_id_booking'), 'booking', ['booking_id'], ['id'], ondelete='CASCADE')

    _ticks_by_number()

    with op.batch_alter_table('vehicle', schema=None) as batch_op:
        batch_op.add_column(sa.Column('arrears', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('conditions', sa.JSON(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    with op.batch_alter_table('vehicle', schema=None) as batch_op:
        batch_op.drop_column('conditions')
        batch_op.drop_column('arrears')

    _ticks_by_moment()

    op.execute('DELETE FROM survey WHERE handoff_id IS NULL')
    with op.batch_alter_table('survey', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_survey_booking_id_booking'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('uq_survey_booking_id'), type_='unique')
        batch_op.alter_column('handoff_id',
               existing_type=sa.VARCHAR(length=26),
               nullable=False)
        batch_op.drop_column('callback_case_id')
        batch_op.drop_column('solved')
        batch_op.drop_column('booking_id')

    with op.batch_alter_table('service_item', schema=None) as batch_op:
        batch_op.drop_column('active')
        batch_op.drop_column('models')
        batch_op.drop_column('warranty')
        batch_op.drop_column('prices')
        batch_op.drop_column('kit')
        batch_op.drop_column('technicians')

    with op.batch_alter_table('resource', schema=None) as batch_op:
        batch_op.drop_column('hours')
        batch_op.drop_column('soc')

    with op.batch_alter_table('place', schema=None) as batch_op:
        batch_op.drop_column('station')
        batch_op.drop_column('reach_km')
        batch_op.drop_column('access')

    with op.batch_alter_table('booking', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_booking_technician_id_resource'), type_='foreignkey')
        batch_op.drop_column('consent_at')
        batch_op.drop_column('lock_until')
        batch_op.drop_column('ready_at')
        batch_op.drop_column('person_asked')
        batch_op.drop_column('technician_id')
        batch_op.drop_column('services')

    with op.batch_alter_table('quote_line', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_quote_line_quote_id'))

    op.drop_table('quote_line')
    with op.batch_alter_table('reminder', schema=None) as batch_op:
        batch_op.drop_index('ix_reminder_sent_at_due_at')

    op.drop_table('reminder')
    with op.batch_alter_table('quote', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_quote_booking_id'))

    op.drop_table('quote')
    with op.batch_alter_table('part_claim', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_part_claim_booking_id'))

    op.drop_table('part_claim')
    with op.batch_alter_table('journey', schema=None) as batch_op:
        batch_op.drop_index('ix_journey_place_id_window_start')

    op.drop_table('journey')
    with op.batch_alter_table('entitlement_use', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_entitlement_use_booking_id'))

    op.drop_table('entitlement_use')
    op.drop_table('resource_exception')
    with op.batch_alter_table('closure', schema=None) as batch_op:
        batch_op.drop_index('ix_closure_place_id_end')

    op.drop_table('closure')
    with op.batch_alter_table('part_unit', schema=None) as batch_op:
        batch_op.drop_index('ix_part_unit_place_id_part')

    op.drop_table('part_unit')
    with op.batch_alter_table('entitlement', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_entitlement_vehicle_id'))

    op.drop_table('entitlement')
    op.drop_table('setting')
    op.drop_table('part')


def _ticks_by_number() -> None:
    """A quarter of an hour gets a number: the old rows are kept."""
    moment = sa.column('starts_at', pitstop.storage.types.UtcTime(timezone=True))
    _rewritten(
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        moment,
        lambda at: int(at.timestamp()) // _SECONDS,
    )


def _ticks_by_moment() -> None:
    _rewritten(
        sa.Column('starts_at', pitstop.storage.types.UtcTime(timezone=True), nullable=False),
        sa.column('number', sa.Integer()),
        lambda number: datetime.fromtimestamp(number * _SECONDS, timezone.utc),
    )


def _rewritten(new, old, translate) -> None:
    connection = op.get_bind()
    table = sa.table('tick', sa.column('resource_id'), old, sa.column('booking_id'))
    rows = connection.execute(sa.select(table.c.resource_id, old, table.c.booking_id)).all()
    with op.batch_alter_table('tick', schema=None) as batch_op:
        batch_op.drop_index('ix_tick_booking_id')
    op.drop_table('tick')
    made = op.create_table(
        'tick',
        sa.Column('resource_id', sa.String(length=40), nullable=False),
        new,
        sa.Column('booking_id', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ['booking_id'], ['booking.id'], name=op.f('fk_tick_booking_id_booking'), ondelete='CASCADE'
        ),
        sa.ForeignKeyConstraint(
            ['resource_id'], ['resource.id'], name=op.f('fk_tick_resource_id_resource')
        ),
        sa.PrimaryKeyConstraint('resource_id', new.name, name=op.f('pk_tick')),
    )
    with op.batch_alter_table('tick', schema=None) as batch_op:
        batch_op.create_index('ix_tick_booking_id', ['booking_id'], unique=False)
    op.bulk_insert(
        made,
        [
            {'resource_id': row[0], new.name: translate(row[1]), 'booking_id': row[2]}
            for row in rows
        ],
    )
