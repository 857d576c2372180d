/** Every bound, deadline and batch size that is not configuration, with its unit and its reason. Any thread. */
