export const deliverLogout = (_epochs: unknown) => async () => 'delivered' as const; // replaced below
