module.exports = async function (fastify, opts) {
  fastify.get("/cars", { schema: listSchema }, async () => []);
  fastify.route({
    method: ["PUT", "PATCH"],
    url: "/cars/:id",
    handler: update,
  });
};
const plugin = require("fastify-plugin");
