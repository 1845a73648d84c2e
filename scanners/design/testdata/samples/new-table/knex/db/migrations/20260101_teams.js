exports.up = function (knex) {
  return knex.schema.createTable('teams', (table) => {
    table.increments('id');
    table.string('name');
  });
};
exports.down = function (knex) {
  return knex.schema.createTable('old_teams', (table) => table.increments('id'));
};
