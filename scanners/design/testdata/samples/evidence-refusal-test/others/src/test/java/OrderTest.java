class OrderTest {
    @Test
    void refused() throws Exception {
        mvc.perform(get("/orders/{id}", 7)).andExpect(status().isForbidden());
    }
}
