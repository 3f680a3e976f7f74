"""What companies keep beside their ERP: surveys, tickets, trainings, shops, a CRM; from files or by REST."""
