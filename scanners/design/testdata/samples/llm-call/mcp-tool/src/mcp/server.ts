import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

const server = new McpServer({ name: 'orders', version: '1.0.0' });
server.registerTool('refund_order', { description: 'Refund an order' }, refund);
