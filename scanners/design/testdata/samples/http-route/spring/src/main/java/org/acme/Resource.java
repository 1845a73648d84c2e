package org.acme;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;

@Path("/projects")
public class Resource {
    @GET
    @Produces("application/json")
    public Response all() { return null; }

    @POST
    @Path("/{id}/clone")
    public Response copy() { return null; }
}
