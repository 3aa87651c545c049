soak: ## endurance: the whole stack under kills
	@sh tools/setup.sh --dev --steps 4
	@$(PYTHON) -m tools.prepare --model-only --steps 4 --done 2
	@DEMO=$${DEMO:-1} $(PYTHON) -m tools.soak $(ARGS)
